#include "mapreduce/plan/split_planner.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/random_test.h"

namespace quern::mr {
namespace {

constexpr uint64_t kMiB = 1 << 20;

InputFile File(const std::string& path, const std::vector<uint64_t>& chunks) {
  InputFile file;
  file.path = path;
  for (size_t i = 0; i < chunks.size(); ++i) {
    file.length += chunks[i];
    const std::string node = fmt::format("node{}", i % 3);
    file.chunks.push_back({chunks[i], {node, "node9"}, {"/rack-" + node, "/rack9"}});
  }
  return file;
}

// "path[offset+length] path[...] @nodes" for each split.
std::vector<std::string> Describe(const std::vector<pb::Split>& splits) {
  std::vector<std::string> lines;
  for (const pb::Split& split : splits) {
    std::string& line = lines.emplace_back();
    for (const pb::InputPiece& piece : split.pieces()) {
      line += fmt::format("{}[{}+{}] ", piece.path(), piece.offset() / kMiB, piece.length() / kMiB);
    }
    line += "@" + fmt::format("{}", fmt::join(split.nodes(), ","));
  }
  return lines;
}

// What begins with `first_bytes`, each of them.
SplitInput Input(uint32_t number, const std::string& format, std::vector<InputFile> files,
                 std::string_view first_bytes = "text") {
  for (InputFile& file : files) {
    file.use = (*FindInputFormat(format))->Plan(file.length, first_bytes);
  }
  return {number, std::move(files)};
}

std::vector<std::string> Plan(const std::string& format, std::vector<InputFile> files,
                              uint64_t split_bytes = 0) {
  return Describe(PlanSplits({Input(0, format, std::move(files))}, split_bytes));
}

TEST(SplitPlannerTest, MakesOneSplitOfEachFullChunk) {
  EXPECT_EQ(Plan("text", {File("/a", {64 * kMiB, 64 * kMiB, 10 * kMiB})}),
            (std::vector<std::string>{"/a[0+64] @node0,node9", "/a[64+64] @node1,node9",
                                      "/a[128+10] @node2,node9"}));
}

TEST(SplitPlannerTest, PacksSmallFilesInOrder) {
  EXPECT_EQ(
      Plan("text", {File("/a", {30 * kMiB}), File("/b", {30 * kMiB}), File("/c", {5 * kMiB})}),
      (std::vector<std::string>{"/a[0+30] /b[0+30] @node0,node9", "/c[0+5] @node0,node9"}));
  // A tiny file costs an open: a thousand of them are more than one split.
  std::vector<InputFile> tiny;
  for (int i = 0; i < 1000; ++i) tiny.push_back(File(fmt::format("/t{}", i), {10}));
  EXPECT_EQ(Plan("text", tiny).size(), 16u);
}

TEST(SplitPlannerTest, JoinsShortChunksAndDividesLongOnes) {
  EXPECT_EQ(Plan("text", {File("/a", {4 * kMiB, 4 * kMiB, 4 * kMiB})}, 8 * kMiB),
            (std::vector<std::string>{"/a[0+8] @node9,node0,node1", "/a[8+4] @node2,node9"}));
  EXPECT_EQ(Plan("text", {File("/a", {64 * kMiB})}, 16 * kMiB).size(), 4u);
}

TEST(SplitPlannerTest, NeverCutsWholeOrCompressedFiles) {
  const InputFile packed = File("/a.gz", {64 * kMiB, 64 * kMiB});
  EXPECT_EQ(Describe(PlanSplits({Input(0, "text", {packed}, "\x1f\x8b\x08")}, 0)),
            (std::vector<std::string>{"/a.gz[0+128] @node9,node0,node1"}));
  EXPECT_EQ(Plan("whole", {File("/a", {64 * kMiB, 64 * kMiB})}).size(), 1u);
}

TEST(SplitPlannerTest, AMapOnlyJobHasAPartEvenWithoutInput) {
  pb::JobSpec spec;
  spec.mutable_reduce()->set_tasks(0);
  std::vector<pb::Split> splits;
  EnsureOnePart(spec, &splits);
  EnsureOnePart(spec, &splits);
  EXPECT_EQ(splits.size(), 1u);
  spec.mutable_reduce()->set_tasks(1);
  splits.clear();
  EnsureOnePart(spec, &splits);
  EXPECT_TRUE(splits.empty());
}

TEST(SplitPlannerTest, LeavesOutEmptyFilesAndTakesWhatItIsGiven) {
  EXPECT_EQ(Plan("text", {File("/in/_named", {kMiB})}).size(), 1u);
  const std::vector<InputFile> files = {File("/in/empty", {}), File("/in/a", {kMiB})};
  EXPECT_EQ(Plan("text", files), (std::vector<std::string>{"/in/a[0+1] @node0,node9"}));
  EXPECT_EQ(Plan("whole", files).size(), 1u);
  EXPECT_EQ(PlanSplits({Input(0, "whole", files)}, 0)[0].pieces_size(), 2)
      << "an empty file is a record";
  EXPECT_TRUE(PlanSplits({}, 0).empty());
}

TEST(SplitPlannerTest, CutsLocalFilesWithoutChunks) {
  InputFile file;
  file.path = "file:///a";
  file.length = 200 * kMiB;
  EXPECT_EQ(Plan("text", {file}).size(), 4u);
}

using SplitPlannerRandomTest = RandomTest;

TEST_F(SplitPlannerRandomTest, EveryByteIsInExactlyOnePieceWhereverItsReplicasAre) {
  for (int round = 0; round < 100; ++round) {
    std::vector<InputFile> files;
    for (uint64_t f = Below(10); f > 0; --f) {
      std::vector<uint64_t> chunks;
      for (uint64_t c = Below(8); c > 0; --c) chunks.push_back(1 + Below(100));
      files.push_back(File(fmt::format("/f{}", f), chunks));
    }
    const uint64_t target = 1 + Below(150);
    const auto splits = PlanSplits({Input(3, "text", files)}, target);
    std::map<std::string, uint64_t> covered;
    for (const pb::Split& split : splits) {
      EXPECT_EQ(split.input(), 3u);
      for (const pb::InputPiece& piece : split.pieces()) {
        EXPECT_EQ(piece.offset(), covered[piece.path()]);
        EXPECT_LE(piece.length(), target);
        EXPECT_GT(piece.length(), 0u);
        covered[piece.path()] += piece.length();
      }
    }
    for (InputFile& file : files) {
      EXPECT_EQ(covered[file.path], file.length);
      for (InputFile::Chunk& chunk : file.chunks) chunk.nodes = {"elsewhere"};
    }
    const auto moved = PlanSplits({Input(3, "text", files)}, target);
    ASSERT_EQ(moved.size(), splits.size());
    for (size_t i = 0; i < moved.size(); ++i) {
      ASSERT_EQ(moved[i].pieces_size(), splits[i].pieces_size());
    }
  }
}

}  // namespace
}  // namespace quern::mr
