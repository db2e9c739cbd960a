// Record files as output of one job and input of the next.
#include <gtest/gtest.h>

#include "common/records/record_block.h"
#include "mapreduce/engine/output_sink.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using KeyValues = std::vector<std::pair<std::string, std::string>>;

std::string Write(const KeyValues& records, const std::string& codec) {
  std::string bytes;
  auto file = std::make_unique<OutputFile>(std::make_unique<StringWritable>(&bytes));
  auto writer = (*FindOutputFormat("record"))->Open({.codec = codec}, file.get());
  EXPECT_OK(writer.status());
  OutputSink sink(std::move(file), *std::move(writer));
  for (const auto& [key, value] : records) sink.Append(key, value);
  EXPECT_OK(sink.Close());
  EXPECT_EQ(sink.bytes(), bytes.size());
  return bytes;
}

class RecordFormatTest : public ::testing::Test {
 protected:
  absl::Status Read(const std::string& bytes, KeyValues* records) {
    MemoryFile file(bytes, 5000);
    const ReadOptions options = {
        .settings = {}, .path = "/in/f", .scratch_dir = dir_.path(), .memory_bytes = 1 << 20};
    ASSIGN_OR_RETURN(const auto reader,
                     (*FindInputFormat("record"))->Open(options, &file, 0, file.length()));
    uint64_t next = 0;
    while (reader->Next()) {
      records->emplace_back(reader->key(), reader->value());
      EXPECT_GE(reader->offset(), next);
      next = reader->offset() + 1;
    }
    set_aside_ = reader->set_aside();
    return reader->status();
  }

  const TempDir dir_;
  std::map<std::string, uint64_t> set_aside_;
};

TEST_F(RecordFormatTest, EveryCodecGivesBackWhatWasWritten) {
  KeyValues records = {
      {"", ""}, {"key", std::string(6 << 20, 'x')}, {std::string(70'000, 'k'), "v"}};
  for (int i = 0; i < 20'000; ++i) records.emplace_back(fmt::format("key {}", i), "value");
  for (const char* codec : {"none", "lz4", "zstd", ""}) {
    KeyValues found;
    ASSERT_OK(Read(Write(records, codec), &found));
    EXPECT_EQ(found, records) << codec;
  }
  EXPECT_EQ(Write(records, ""), Write(records, "zstd"));
  EXPECT_LT(Write(records, "zstd").size(), Write(records, "none").size() - 100'000);
  EXPECT_THAT((*FindOutputFormat("record"))->Open({.codec = "xz"}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RecordFormatTest, DamagedBlocksAreSetAsideAndCounted) {
  const std::string large(5 << 20, 'x');
  std::string bytes =
      Write({{"a", "1"}}, "none") + Write({{"b", large}}, "none") + Write({{"c", "3"}}, "none");
  bytes[kRecordHeaderBytes] ^= 1;
  bytes[bytes.size() / 2] ^= 1;
  KeyValues found;
  ASSERT_OK(Read(bytes, &found));
  EXPECT_EQ(found, (KeyValues{{"c", "3"}}));
  EXPECT_EQ(set_aside_, (std::map<std::string, uint64_t>{{"bad_block", 2}}));
}

TEST_F(RecordFormatTest, AnEmptyOutputIsAnEmptyFile) {
  EXPECT_EQ(Write({}, "zstd"), "");
  KeyValues found;
  EXPECT_OK(Read("", &found));
}

TEST_F(RecordFormatTest, OtherFilesAreRefused) {
  KeyValues found;
  EXPECT_THAT(Read("once upon a time\n", &found), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace quern::mr
