// The loser tree and the choice of what to merge first.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "mapreduce/engine/early_merge.h"
#include "mapreduce/engine/loser_tree.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/map_output_writer.h"
#include "mapreduce/engine/merge_plan.h"
#include "mapreduce/engine/merge_runs.h"
#include "mapreduce/engine/merger.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using LoserTreeTest = RandomTest;

TEST_F(LoserTreeTest, MergesAnyNumberOfSequencesAndKeepsTheOrderOfEqualOnes) {
  for (size_t players = 1; players < 40; ++players) {
    std::vector<std::vector<uint64_t>> sequences(players);
    std::vector<std::pair<uint64_t, size_t>> want;
    for (size_t player = 0; player < players; ++player) {
      for (uint64_t i = Below(20); i > 0; --i) sequences[player].push_back(Below(30));
      std::sort(sequences[player].begin(), sequences[player].end());
      for (uint64_t value : sequences[player]) want.emplace_back(value, player);
    }
    std::sort(want.begin(), want.end());
    std::vector<size_t> at(players);
    const auto value = [&](size_t player) {
      return at[player] < sequences[player].size() ? sequences[player][at[player]] : UINT64_MAX;
    };
    LoserTree tree(players, [&](size_t a, size_t b) {
      return value(a) != value(b) ? value(a) < value(b) : a < b;
    });
    std::vector<std::pair<uint64_t, size_t>> got;
    while (value(tree.winner()) != UINT64_MAX) {
      got.emplace_back(value(tree.winner()), tree.winner());
      ++at[tree.winner()];
      tree.Replay();
    }
    ASSERT_EQ(got, want) << players << " players";
  }
}

TEST(MergePlanTest, MergesTheCheapestNeighboursAndNoMoreThanNeeded) {
  struct Case {
    std::vector<uint64_t> bytes;
    size_t fan_in;
    size_t begin;
    size_t count;
  };
  for (const Case& c : std::vector<Case>{{{5, 1, 1, 5}, 3, 1, 2},
                                         {{1, 1, 9, 9, 9}, 4, 0, 2},
                                         {{9, 9, 9, 1, 1, 1}, 3, 3, 3},
                                         {{1, 1, 1, 1, 1, 1, 1}, 2, 0, 2}}) {
    const MergeWindow window = ChooseMergeWindow(c.bytes, c.fan_in);
    EXPECT_EQ(window.begin, c.begin);
    EXPECT_EQ(window.count, c.count);
  }
}

using MergePlanRandomTest = RandomTest;

TEST_F(MergePlanRandomTest, AlwaysGetsDownToTheFanIn) {
  for (int round = 0; round < 200; ++round) {
    std::vector<uint64_t> sizes(1 + Below(300));
    for (uint64_t& size : sizes) size = Below(1000);
    const size_t fan_in = 2 + Below(20);
    const uint64_t total = std::accumulate(sizes.begin(), sizes.end(), uint64_t{0});
    size_t passes = 0;
    while (sizes.size() > fan_in) {
      const MergeWindow window = ChooseMergeWindow(sizes, fan_in);
      ASSERT_GE(window.count, 2u);
      ASSERT_LE(window.count, fan_in);
      ASSERT_LE(window.begin + window.count, sizes.size());
      const auto begin = sizes.begin() + static_cast<std::ptrdiff_t>(window.begin);
      const auto end = begin + static_cast<std::ptrdiff_t>(window.count);
      *begin = std::accumulate(begin, end, uint64_t{0});
      sizes.erase(begin + 1, end);
      ASSERT_LT(++passes, 400u);
    }
    EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}), total);
  }
}

// Runs of one record each: what they hold says which of them were merged, and in which order.
class EarlyMergeTest : public RandomTest {
 protected:
  SortedRun MakeRun(size_t place, size_t bytes, bool in_memory) {
    const std::string path = fmt::format("{}/{}", dir_.path(), place);
    const auto writer = MapOutputWriter::Create(path, {}, 1, Codec::kNone);
    EXPECT_OK(writer);
    if (bytes > 0) {
      EXPECT_OK(
          (*writer)->Append(0, "key", fmt::format("{:06}{}", place, std::string(bytes, 'x'))));
    }
    EXPECT_OK((*writer)->Finish());
    const auto file = MapOutputFile::Open(path);
    EXPECT_OK(file);
    SortedRun run;
    run.file = (*file)->file();
    run.offset = (*file)->partition(0).offset;
    run.bytes = (*file)->partition(0).bytes;
    if (run.bytes > 0 && in_memory) {
      auto memory = std::make_shared<std::string>(run.bytes, '\0');
      EXPECT_OK(run.file->Pread(run.offset, run.bytes, memory->data()));
      run.memory = std::move(memory);
      run.offset = 0;
    }
    return run;
  }

  void MergeNext(EarlyMerge* runs) {
    const auto merge = runs->Next();
    if (!merge.has_value()) return;
    SortedRun failed;
    ASSERT_OK_AND_ASSIGN(SortedRun merged,
                         MergeIntoFile(merge->runs, dir_ / "merged", &failed, nullptr));
    runs->Done(*merge, std::move(merged));
  }

  const TempDir dir_;
};

TEST_F(EarlyMergeTest, HoldsFewRunsInTheirOrderWhateverTheyComeIn) {
  for (int round = 0; round < 40; ++round) {
    const size_t count = 1 + Below(150);
    const size_t fan_in = 2 + Below(8);
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    const bool in_order = OneIn(2);
    if (!in_order) std::shuffle(order.begin(), order.end(), random_);
    EarlyMerge runs(count, fan_in);
    std::vector<size_t> wanted;
    for (const size_t place : order) {
      const size_t bytes = OneIn(4) ? 0 : 1 + Below(3000);
      if (bytes > 0) wanted.push_back(place);
      runs.Add(place, MakeRun(place, bytes, OneIn(5)));
      MergeNext(&runs);
    }
    const std::vector<SortedRun> left = runs.TakeRuns();
    const auto buffered = static_cast<size_t>(std::ranges::count_if(left, NeedsBuffer));
    if (in_order) {
      EXPECT_LT(buffered, 2 * fan_in);
    }
    std::ranges::sort(wanted);
    Merger merger(left);
    std::vector<size_t> got;
    while (merger.Next()) got.push_back(std::stoul(std::string(merger.value().substr(0, 6))));
    EXPECT_OK(merger.status());
    EXPECT_EQ(got, wanted);
  }
}

TEST_F(EarlyMergeTest, LeavesAloneWhatCanBeMergedAtTheEnd) {
  EarlyMerge runs(100, 8);
  for (size_t place = 0; place < 15; ++place) {
    runs.Add(place, MakeRun(place, 10, /*in_memory=*/false));
    EXPECT_FALSE(runs.Next().has_value());
  }
  EXPECT_EQ(runs.TakeRuns().size(), 15u);
  EXPECT_EQ(runs.looked_at(), 0u);
}

TEST_F(EarlyMergeTest, AMergeThatNobodyNeedsAnyMoreStops) {
  const std::vector<SortedRun> runs = {MakeRun(0, 10, /*in_memory=*/false),
                                       MakeRun(1, 10, /*in_memory=*/false)};
  SortedRun failed;
  std::atomic<bool> stop = false;
  EXPECT_OK(MergeIntoFile(runs, dir_ / "merged", &failed, nullptr, &stop));
  stop = true;
  EXPECT_THAT(MergeIntoFile(runs, dir_ / "merged", &failed, nullptr, &stop),
              StatusIs(absl::StatusCode::kCancelled));
}

// What is not read needs no file.
SortedRun RunOf(uint64_t bytes) {
  SortedRun run;
  run.bytes = bytes;
  return run;
}

// How many bytes of runs were merged on the way.
uint64_t MergeAll(EarlyMerge* runs) {
  uint64_t moved = 0;
  while (const auto merge = runs->Next()) {
    EXPECT_FALSE(runs->Next().has_value()) << "one at a time";
    uint64_t bytes = 0;
    for (const SortedRun& run : merge->runs) bytes += run.bytes;
    runs->Done(*merge, RunOf(bytes));
    moved += bytes;
  }
  return moved;
}

TEST(EarlyMergeChoiceTest, GapsDoNotMakeEveryRunALookThroughAllOfThem) {
  constexpr size_t kRuns = 2000;
  EarlyMerge runs(kRuns, 16);
  for (size_t place = 0; place < kRuns; ++place) {
    if (place % 4 == 0) continue;  // slow ones
    runs.Add(place, RunOf(10));
    EXPECT_FALSE(runs.Next().has_value());
  }
  EXPECT_LT(runs.looked_at(), 1000 * kRuns);
  for (size_t place = 0; place < kRuns; place += 4) {
    runs.Add(place, RunOf(10));
    MergeAll(&runs);
  }
  EXPECT_LT(runs.TakeRuns().size(), 100u);
}

// Whatever their sizes are, and however many come.
TEST_F(EarlyMergeTest, MergesWhatIsMergedOnlyAFewTimes) {
  for (const size_t fan_in : {2, 8, 25}) {
    for (const bool equal : {true, false}) {
      const size_t count = 3 * fan_in * fan_in;
      EarlyMerge runs(count, fan_in);
      uint64_t total = 0;
      uint64_t moved = 0;
      for (size_t place = 0; place < count; ++place) {
        const uint64_t bytes = equal ? 100 : 1 + Below(200);
        total += bytes;
        runs.Add(place, RunOf(bytes));
        moved += MergeAll(&runs);
      }
      EXPECT_LE(moved, 3 * total) << fan_in << (equal ? " equal" : "");
      EXPECT_LT(runs.TakeRuns().size(), 2 * fan_in);
    }
  }
}

}  // namespace
}  // namespace quern::mr
