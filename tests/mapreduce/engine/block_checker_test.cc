// Checking while the bytes go by finds every flipped bit and every cut, whatever the pieces.
#include "mapreduce/engine/block_checker.h"

#include <gtest/gtest.h>

#include <string>

#include "mapreduce/engine/map_output_writer.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

class BlockCheckerTest : public RandomTest {
 protected:
  // Some blocks as a map task writes them.
  std::string Blocks(Codec codec) {
    const TempDir dir;
    auto writer = MapOutputWriter::Create(dir / "output", {"j", 0, 0}, 1, codec);
    EXPECT_OK(writer);
    for (int i = 0; i < 3000; ++i) {
      EXPECT_OK((*writer)->Append(0, fmt::format("key {:06}", i), std::string(Below(100), 'v')));
    }
    EXPECT_OK((*writer)->Append(0, "large", std::string(2 << 20, 'l')));
    EXPECT_OK((*writer)->Finish());
    const auto file = MapOutputFile::Open(dir / "output");
    EXPECT_OK(file);
    const MapOutputFile::Partition& range = (*file)->partition(0);
    std::string bytes(range.bytes, '\0');
    EXPECT_OK((*file)->file()->Pread(range.offset, bytes.size(), bytes.data()));
    return bytes;
  }
  absl::Status Check(const std::string& bytes, BlockChecker* checker) {
    const size_t longest = 1 + Below(OneIn(2) ? 40 : 200'000);
    for (size_t at = 0; at < bytes.size();) {
      const size_t part = 1 + Below(longest);
      RETURN_IF_ERROR(checker->Add(std::string_view(bytes).substr(at, part)));
      at += part;
    }
    return checker->Finish();
  }
};

TEST_F(BlockCheckerTest, AcceptsWhatWasWritten) {
  for (const Codec codec : {Codec::kNone, Codec::kLz4}) {
    const std::string bytes = Blocks(codec);
    for (int round = 0; round < 20; ++round) {
      BlockChecker checker;
      ASSERT_OK(Check(bytes, &checker));
      EXPECT_EQ(checker.packed(), codec == Codec::kLz4);
    }
  }
  BlockChecker nothing;
  EXPECT_OK(nothing.Finish());
}

TEST_F(BlockCheckerTest, FindsEveryFlippedBitAndEveryCut) {
  for (const Codec codec : {Codec::kNone, Codec::kLz4}) {
    const std::string bytes = Blocks(codec);
    for (int round = 0; round < 200; ++round) {
      std::string bad = bytes;
      // Headers are rare among the bytes: the first one more often.
      const size_t at = OneIn(3) ? Below(kBlockHeaderBytes) : Below(bad.size());
      bad[at] = static_cast<char>(bad[at] ^ (1 << Below(8)));
      BlockChecker checker;
      ASSERT_FALSE(Check(bad, &checker).ok()) << "bit flipped in byte " << at;
    }
    BlockChecker cut;
    EXPECT_THAT(Check(bytes.substr(0, bytes.size() - 1), &cut),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace quern::mr
