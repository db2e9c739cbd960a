// What was written is read back, and no flipped bit is.
#include "mapreduce/engine/map_output_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "mapreduce/engine/map_output_writer.h"
#include "mapreduce/engine/merger.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

std::string ReadAll(const std::string& path) {
  return ReadFileToString(FileSystem::Real(), path).value();
}
void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Key and value of every record, or the first error.
absl::StatusOr<std::string> Contents(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MapOutputFile::Open(path));
  std::string text = fmt::format("{} {} {}\n", file->identity().job_id, file->identity().map_task,
                                 file->identity().attempt);
  for (uint32_t p = 0; p < file->partitions(); ++p) {
    SortedRun run;
    run.file = file->file();
    run.offset = file->partition(p).offset;
    run.bytes = file->partition(p).bytes;
    Merger merger({run});
    uint64_t records = 0;
    while (merger.Next()) {
      text += fmt::format("{} {}={}\n", p, merger.key(), merger.value());
      ++records;
    }
    RETURN_IF_ERROR(merger.status());
    EXPECT_EQ(records, file->partition(p).records);
  }
  return text;
}

absl::Status WriteSample(const std::string& path, Codec codec) {
  ASSIGN_OR_RETURN(const auto writer, MapOutputWriter::Create(path, {"job-x", 7, 2}, 4, codec));
  for (int i = 0; i < 3000; ++i) {
    RETURN_IF_ERROR(writer->Append(1, fmt::format("{:05}", i), std::string(i % 50, 'v')));
  }
  RETURN_IF_ERROR(writer->Append(3, std::string((2 << 20) + 3, 'k'), "of a large key"));
  RETURN_IF_ERROR(writer->Append(3, "large", std::string((2 << 20) + 17, 'L')));
  RETURN_IF_ERROR(writer->Append(3, "later", ""));
  return writer->Finish().status();
}

TEST(MapOutputFileTest, ReadsBackWhatWasWritten) {
  const TempDir dir;
  for (const Codec codec : {Codec::kNone, Codec::kLz4}) {
    ASSERT_OK(WriteSample(dir / "a", codec));
    ASSERT_OK_AND_ASSIGN(const std::string text, Contents(dir / "a"));
    EXPECT_TRUE(text.starts_with("job-x 7 2\n1 00000=\n1 00001=v\n"));
    EXPECT_THAT(text, ::testing::HasSubstr("kkk=of a large key\n3 large=LLL"));
    EXPECT_TRUE(text.ends_with("\n3 later=\n"));
  }
}

using MapOutputDamageTest = RandomTest;

TEST_F(MapOutputDamageTest, NoFlippedBitIsRead) {
  const TempDir dir;
  for (const Codec codec : {Codec::kNone, Codec::kLz4}) {
    ASSERT_OK(WriteSample(dir / "good", codec));
    const std::string good = ReadAll(dir / "good");
    for (int round = 0; round < 60; ++round) {
      // Mostly near the two ends, where headers, index and footer are.
      const uint64_t near = Below(std::min<uint64_t>(good.size(), 300));
      const uint64_t at = OneIn(3) ? Below(good.size()) : OneIn(2) ? near : good.size() - 1 - near;
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << Below(8)));
      WriteAll(dir / "bad", bad);
      EXPECT_THAT(Contents(dir / "bad"), StatusIs(absl::StatusCode::kDataLoss)) << "byte " << at;
    }
  }
}

TEST_F(MapOutputDamageTest, NoCutFileIsRead) {
  const TempDir dir;
  ASSERT_OK(WriteSample(dir / "good", Codec::kNone));
  const std::string good = ReadAll(dir / "good");
  for (int round = 0; round < 20; ++round) {
    WriteAll(dir / "bad", good.substr(0, Below(good.size())));
    EXPECT_FALSE(Contents(dir / "bad").ok());
  }
}

}  // namespace
}  // namespace quern::mr
