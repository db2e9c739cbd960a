#include "client/shell/record_text.h"

#include <gtest/gtest.h>

#include "common/records/record_block.h"
#include "tests/support/status_matchers.h"

namespace quern::shell {
namespace {

class MemoryFile final : public PeekableFile {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  void SeekTo(uint64_t offset) override { at_ = offset; }
  uint64_t offset() const override { return at_; }
  absl::StatusOr<std::string_view> Peek(size_t) override {
    return std::string_view(bytes_).substr(std::min<size_t>(at_, bytes_.size()));
  }
  void Skip(size_t bytes) override { at_ += bytes; }

 private:
  const std::string bytes_;
  uint64_t at_ = 0;
};

std::string Block(std::string_view key, std::string_view value) {
  RecordBlockBuilder block(RecordCodec::kZstd);
  EXPECT_OK(block.Add(key, value));
  return std::string(*block.Finish());
}

TEST(RecordTextTest, ShowsRecordsAsJobsWriteText) {
  const std::string large(5 << 20, 'x');
  std::string bytes = Block("a", "1") + Block("b", "") + Block("c", large);
  ASSERT_TRUE(LooksLikeRecordFile(bytes));
  EXPECT_FALSE(LooksLikeRecordFile("a\t1\n"));
  std::string text;
  const auto write = [&](std::string_view part) {
    text += part;
    return absl::OkStatus();
  };
  MemoryFile file(bytes);
  ASSERT_OK(WriteRecordsAsText(&file, bytes.size(), write));
  EXPECT_EQ(text, "a\t1\nb\nc\t" + large + "\n");

  text.clear();
  const size_t damaged_at = kRecordHeaderBytes + 1;
  bytes[damaged_at] = static_cast<char>(bytes[damaged_at] ^ 1);
  MemoryFile damaged(bytes);
  EXPECT_THAT(WriteRecordsAsText(&damaged, bytes.size(), write),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(text, "b\nc\t" + large + "\n");
}

}  // namespace
}  // namespace quern::shell
