// A plain file as one member.
#include <algorithm>
#include <cstring>
#include <utility>

#include "mapreduce/formats/file_cursor.h"
#include "mapreduce/formats/warc/member_source.h"

namespace quern::mr {

namespace {

class PlainMember final : public MemberSource {
 public:
  explicit PlainMember(ReadableFile* file) : cursor_(file, file->length()) {}

  absl::StatusOr<bool> NextMember() override { return !std::exchange(taken_, true); }
  absl::StatusOr<size_t> Read(char* out, size_t room) override {
    ASSIGN_OR_RETURN(const std::string_view bytes, cursor_.Peek());
    const size_t size = std::min(bytes.size(), room);
    std::memcpy(out, bytes.data(), size);
    cursor_.Skip(size);
    return size;
  }
  bool passed_over() const override { return false; }
  bool damaged() const override { return false; }
  bool Abandon() override { return false; }
  bool SeekTo(uint64_t contents_offset) override {
    cursor_.SeekTo(contents_offset);
    return true;
  }
  uint64_t RecordOffset(uint64_t contents_offset, uint64_t) const override {
    return contents_offset;
  }
  uint64_t file_offset() const override { return cursor_.offset(); }

 private:
  FileCursor cursor_;
  bool taken_ = false;
};

}  // namespace

std::unique_ptr<MemberSource> MakePlainMember(ReadableFile* file) {
  return std::make_unique<PlainMember>(file);
}

}  // namespace quern::mr
