#include <vector>

#include "common/log.h"
#include "master/logic/tree_collector.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kPause = absl::Seconds(1);
// Trees per round: their steps share a few writes to the disk.
constexpr size_t kTreesPerRound = 256;
// Entries and chunks per round: until they are on the disk, each lookup in a directory walks over
// them.
constexpr size_t kEntriesPerRound = 1000;

}  // namespace

absl::Duration CollectDeletedTrees(Master* master) {
  std::vector<InodeId> trees;
  {
    const std::unique_ptr<RowReader> rows = master->committer().Snapshot();
    trees = MetadataView(*rows).Inodes(Table::kDeleted, InodeId(), kTreesPerRound);
  }
  if (trees.empty()) return kPause;
  size_t entries = 0;
  std::vector<Committer::Decide> steps;
  for (const InodeId tree : trees) {
    steps.emplace_back(
        [tree, &entries](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
          if (entries >= kEntriesPerRound) return std::nullopt;
          std::optional<pb::LogRecord> step = NextCollectStep(view, tree);
          if (step.has_value()) entries += SizeOf(step->collect());
          return step;
        });
  }
  const absl::Status status = master->committer().CommitAll(steps);
  if (status.ok()) return absl::ZeroDuration();
  LogWarning("collect_failed", {{"trees", trees.size()}, {"status", status}});
  return kPause;
}

}  // namespace quern::master
