#include <vector>

#include "common/log.h"
#include "master/logic/tree_collector.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kPause = absl::Seconds(1);
// Trees per round, or steps: they share a few writes to the disk.
constexpr size_t kTreesPerRound = 256;
// Entries and chunks per round: until they are on the disk, each lookup in a directory walks over
// them.
constexpr size_t kEntriesPerRound = 1000;

}  // namespace

absl::Duration CollectDeletedTrees(Master* master) {
  TreeCollector& trees = master->trees();
  {
    const std::unique_ptr<RowReader> rows = master->committer().Snapshot();
    if (!trees.Find(MetadataView(*rows), kTreesPerRound)) return kPause;
  }
  size_t entries = 0;
  const Committer::Decide step =
      [&](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
    if (entries >= kEntriesPerRound) return std::nullopt;
    std::optional<pb::LogRecord> next = trees.Next(view);
    if (!view.status().ok()) {
      // The next decision reads anew, and would go on behind what this one does not take.
      trees.StartAnew();
      return view.status();
    }
    if (next.has_value()) entries += SizeOf(next->collect());
    return next;
  };
  const std::vector<Committer::Decide> steps(kTreesPerRound, step);
  const absl::Status status = master->committer().CommitAll(steps);
  if (status.ok()) return absl::ZeroDuration();
  LogWarning("collect_failed", {{"status", status}});
  trees.StartAnew();
  return kPause;
}

}  // namespace quern::master
