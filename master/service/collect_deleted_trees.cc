#include "common/log.h"
#include "master/logic/tree_collector.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kPause = absl::Seconds(1);
// Trees per round: their steps share one write to the disk only by luck, so this is also the pace.
constexpr size_t kTreesPerRound = 64;

}  // namespace

absl::Duration CollectDeletedTrees(Master* master) {
  std::vector<InodeId> trees;
  {
    const std::unique_ptr<RowReader> rows = master->committer().Snapshot();
    trees = MetadataView(*rows).Inodes(Table::kDeleted, InodeId(), kTreesPerRound);
  }
  for (const InodeId tree : trees) {
    const absl::Status status = master->committer().Commit(
        [&](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
          return NextCollectStep(view, tree);
        });
    if (!status.ok()) {
      LogWarning("collect_failed", {{"inode", tree}, {"status", status}});
      return kPause;
    }
  }
  return trees.empty() ? kPause : absl::ZeroDuration();
}

}  // namespace quern::master
