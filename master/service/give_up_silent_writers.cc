#include <algorithm>
#include <limits>

#include "common/log.h"
#include "master/logic/file_lifecycle.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

// A file without a name is dropped; one with a name stays, sealed as it is.
absl::Status GiveUp(Master* master, InodeId inode) {
  std::vector<ChunkId> last;
  {
    const std::unique_ptr<RowReader> rows = master->committer().Snapshot();
    const MetadataView view(*rows);
    const std::optional<pb::InodeRow> row = view.Inode(inode);
    if (row.has_value() && row->linked() && row->chunk_count() > 0) {
      last = view.FileChunks(inode, row->chunk_count() - 1, 1);
    }
  }
  for (const ChunkId chunk : last) {
    RETURN_IF_ERROR(master->sealer().Seal(chunk, {.reason = "its writer is gone"}).status());
  }
  return master->committer().Commit([&](const MetadataView& view) {
    return FileLifecycle(view, master->options().file_defaults, master->NowMs()).GiveUp(inode);
  });
}

}  // namespace

absl::Duration GiveUpSilentWriters(Master* master) {
  const absl::Duration timeout = master->options().writer_timeout;
  const absl::Time now = master->clock().MonotonicNow();
  std::vector<InodeId> open;
  {
    const std::unique_ptr<RowReader> rows = master->committer().Snapshot();
    open = MetadataView(*rows).Inodes(Table::kOpenFiles, InodeId(),
                                      std::numeric_limits<size_t>::max());
  }
  for (const InodeId inode : master->writers().TakeSilent(open, now, now - timeout)) {
    const absl::Status status = GiveUp(master, inode);
    LogWarning("writer_given_up", {{"inode", inode}, {"status", status}});
  }
  return std::min(timeout / 10, absl::Minutes(1));
}

}  // namespace quern::master
