
#include <algorithm>
#include <vector>

#include "common/clock.h"
#include "master/logic/chunk_assessment.h"
#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

// A caller whose deadline is far away is asked to come again after so long.
constexpr absl::Duration kLongestWait = absl::Seconds(20);
// Before the caller gives up, so that it gets the reason.
constexpr absl::Duration kAnswerBefore = absl::Milliseconds(200);

struct FileChunks {
  std::vector<ChunkId> chunks;
  std::string name;
  uint32_t replication = 0;
};

absl::StatusOr<FileChunks> ReadFile(Master& master, const pb::CompleteRequest& request) {
  const std::unique_ptr<RowReader> rows = master.committer().Snapshot();
  const MetadataView view(*rows);
  const InodeId inode(request.inode_id());
  absl::StatusOr<pb::InodeRow> file = FileLifecycle(view, master.options().file_defaults, 0)
                                          .CheckWriter(inode, request.writer_token());
  RETURN_IF_ERROR(view.status());
  RETURN_IF_ERROR(file.status());
  FileChunks result;
  result.name = file->name();
  result.replication = file->replication();
  result.chunks = view.FileChunks(inode, 0, file->chunk_count());
  return result;
}

// Returns when every chunk has enough copies on disks.
absl::Status WaitForCopies(Master& master, const FileChunks& file, absl::Time deadline) {
  ClusterState& state = master.state();
  MutexLock lock(&state.mutex);
  const uint32_t needed =
      MinWriteReplicas(master.options(), file.replication, state.servers.servers().size());
  for (const ChunkId chunk : file.chunks) {
    while (true) {
      const std::optional<ChunkInfo> info = state.chunks.Find(chunk);
      if (!info.has_value())
        return NotFoundError("{}: was deleted while it was written", file.name);
      // Complete itself says what is wrong with a chunk that is not sealed.
      if (info->state != pb::CHUNK_STATE_SEALED) break;
      const size_t durable = CountDurable(*info, state.servers);
      if (durable >= needed) break;
      state.repair.ClientWaits(chunk);
      const absl::Duration left = deadline - Clock::Real()->TimeNow();
      if (left <= absl::ZeroDuration()) {
        return UnavailableError(
            "{}: chunk {} has {} durable copies, need {} "
            "(min_write_replicas). Try: dfs admin report",
            file.name, chunk, durable, needed);
      }
      state.changed.WaitFor(&state.mutex, left);
    }
  }
  return absl::OkStatus();
}

}  // namespace

Reply<pb::CompleteResponse> Complete(Master& master, const pb::CompleteRequest& request,
                                     const CallContext& call) {
  if (!master.committer().HoldsAnswer(request.header())) {
    ASSIGN_OR_RETURN(const FileChunks file, ReadFile(master, request));
    const absl::Time deadline =
        std::min(call.deadline - kAnswerBefore, Clock::Real()->TimeNow() + kLongestWait);
    RETURN_IF_ERROR(WaitForCopies(master, file, deadline));
  }
  return master.committer().Answer<pb::CompleteResponse>(
      request.header(), [&](const MetadataView& view) {
        return FileLifecycle(view, master.options().file_defaults, master.NowMs())
            .Complete(request);
      });
}

}  // namespace quern::master
