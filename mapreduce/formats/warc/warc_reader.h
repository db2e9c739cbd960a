// Records of WARC files (ISO 28500): key = target URI, value = payload.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mapreduce/engine/record_reader.h"
#include "mapreduce/engine/scratch_buffer.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/warc/header_fields.h"
#include "mapreduce/formats/warc/http_message.h"
#include "mapreduce/formats/warc/member_source.h"

namespace quern::mr {

// The payload of an HTTP message is its body with its codings undone; of another record, its block.
// header() knows the fields of the record, HTTP-Status, and the fields of the message as HTTP-NAME.
//
// Set aside are: bad_member (the bytes of a gzip member or zstd frame are damaged), bad_head (no
// WARC head where a record should begin), truncated (the file or member ends within the block),
// false_length (no end of a record where its length says, or one by chance), too_large,
// no_http_head, bad_chunks and bad_coding (of an HTTP body). What comes next is the next place that
// looks like a record.
//
// Where a file was compressed by blocks (bgzip, pzstd) records go on from one member into the next:
// a record that its member does not end is taken to, unless the next begins with a record.
class WarcReader final : public RecordReader {
 public:
  struct Limits {
    uint64_t block_bytes = uint64_t{1} << 30;      // of one record, as it is stored
    uint64_t payload_bytes = uint64_t{256} << 20;  // of one body with its codings undone
    uint64_t stray_bytes = uint64_t{64} << 20;     // decoded in search of a record in one member
  };
  WarcReader(const ReadOptions& options, const Limits& limits,
             std::unique_ptr<MemberSource> members);

  bool Next() override;
  std::string_view header(std::string_view name) const override;
  uint64_t position() const override { return members_->file_offset(); }

 private:
  // What ReadRecord came to. kAgain: nothing to show, look at what comes next.
  enum class Found { kRecord, kAgain };

  // The next member, where it has been looked at while a record of this one was read.
  enum class NextMember { kUnknown, kEntered, kNone };

  absl::StatusOr<bool> EnterMember();
  absl::StatusOr<bool> GoOnInNextMember();
  absl::StatusOr<size_t> ReadMember(char* out, size_t room);
  absl::StatusOr<size_t> ReadOn(char* out, size_t room);
  bool replays() const { return replay_at_ < large_block_.size(); }
  bool IsDamaged() const { return next_ == NextMember::kUnknown && members_->damaged(); }
  void SetOffset();
  absl::StatusOr<Found> ReadRecord();
  absl::StatusOr<bool> SkipLineEnds();
  absl::StatusOr<bool> ReadHead();
  absl::StatusOr<Found> ReadBlock(uint64_t length);
  absl::StatusOr<Found> ReadLargeBlock(uint64_t length);
  struct Gathered {
    bool moved_on = false;  // into other members than the one it began in
    bool sound = false;     // all of it is of members that have ended well
  };
  absl::Status GatherLargeBlock(uint64_t end, Gathered* gathered);
  absl::StatusOr<Found> MakePayload(std::string_view block);
  absl::StatusOr<bool> MayHaveBlock(uint64_t length, const char** why_not);
  absl::StatusOr<Found> PassOver(const char* reason);
  absl::StatusOr<Found> SearchRecord();
  Found EndMember();
  absl::StatusOr<std::string_view> Fill(size_t want);
  std::string_view window() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void Consume(size_t bytes) {
    begin_ += bytes;
    window_offset_ += bytes;
  }

  const Limits limits_;
  const size_t window_bytes_;  // a record that fits in here is looked at in place
  const std::unique_ptr<MemberSource> members_;

  // Decoded bytes of the present member that have not been consumed.
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t window_offset_ = 0;  // of begin_ in the member's contents
  bool in_member_ = false;
  NextMember next_ = NextMember::kUnknown;
  std::string ahead_;            // first bytes of a member, looked at already
  bool set_aside_here_ = false;  // something in this member
  uint64_t index_ = 0;           // of the next record in the member

  std::string head_;
  HeaderFields fields_;
  HttpHead http_;
  bool has_http_ = false;
  HttpBody body_;
  ScratchBuffer large_block_;
  // How much of large_block_ has gone (again) into the window; the members go on behind its end.
  uint64_t replay_at_ = 0;
  // Of window_offset_: what of large_block_ comes from members that have been left.
  uint64_t numbered_until_ = 0;
};

}  // namespace quern::mr
