// A plain file as one member.
#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "mapreduce/formats/file_cursor.h"
#include "mapreduce/formats/warc/member_source.h"

namespace quern::mr {

namespace {

class PlainMember final : public MemberSource {
 public:
  explicit PlainMember(ReadableFile* file) : file_(file), cursor_(file, file->length()) {}

  absl::StatusOr<bool> NextMember() override { return !std::exchange(taken_, true); }
  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    ASSIGN_OR_RETURN(const std::string_view bytes, cursor_.Peek());
    const size_t size = std::min(bytes.size(), room);
    if (size > 0) std::memcpy(out, bytes.data(), size);
    cursor_.Skip(size);
    return size;
  }
  bool has_many() const override { return false; }
  bool passed_over() const override { return false; }
  bool damaged() const override { return false; }
  bool Abandon() override { return false; }
  absl::StatusOr<std::optional<std::string>> Look(uint64_t offset, size_t bytes) override {
    std::string seen;
    if (offset >= file_->length()) return seen;
    const std::unique_ptr<ByteStream> stream = file_->Stream(offset, bytes);
    while (seen.size() < bytes) {
      ASSIGN_OR_RETURN(const std::string_view piece, stream->Next());
      if (piece.empty()) break;
      seen += piece;
    }
    return seen;
  }
  uint64_t RecordOffset(uint64_t contents_offset, uint64_t) const override {
    return contents_offset;
  }
  uint64_t file_offset() const override { return cursor_.offset(); }

 private:
  ReadableFile* const file_;
  FileCursor cursor_;
  bool taken_ = false;
};

// The same of a stream, which cannot go back.
class StreamMember final : public MemberSource {
 public:
  explicit StreamMember(std::unique_ptr<DecodedStream> contents) : contents_(std::move(contents)) {}

  absl::StatusOr<bool> NextMember() override { return !std::exchange(taken_, true); }
  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    if (at_hand_.empty()) {
      ASSIGN_OR_RETURN(at_hand_, contents_->Next());
    }
    const size_t size = std::min(at_hand_.size(), room);
    if (size > 0) std::memcpy(out, at_hand_.data(), size);
    at_hand_.remove_prefix(size);
    return size;
  }
  bool has_many() const override { return false; }
  bool passed_over() const override { return false; }
  bool damaged() const override { return contents_->damaged(); }
  bool Abandon() override { return false; }
  uint64_t RecordOffset(uint64_t contents_offset, uint64_t) const override {
    return contents_offset;
  }
  uint64_t file_offset() const override { return 0; }

 private:
  const std::unique_ptr<DecodedStream> contents_;
  std::string_view at_hand_;
  bool taken_ = false;
};

}  // namespace

std::unique_ptr<MemberSource> MakeStreamMember(std::unique_ptr<DecodedStream> contents) {
  return std::make_unique<StreamMember>(std::move(contents));
}

std::unique_ptr<MemberSource> MakePlainMember(ReadableFile* file) {
  return std::make_unique<PlainMember>(file);
}

}  // namespace quern::mr
