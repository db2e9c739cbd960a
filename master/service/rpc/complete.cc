#include <memory>
#include <utility>

#include "common/log.h"
#include "master/logic/chunk_assessment.h"
#include "master/logic/chunk_lifecycle.h"
#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

void Decide(Master& master, const pb::CompleteRequest& request,
            Respond<pb::CompleteResponse> respond) {
  master.committer().AnswerLater<pb::CompleteResponse>(
      request.header(),
      [&](const MetadataView& view) {
        return FileLifecycle(view, master.options().file_defaults, master.NowMs())
            .Complete(request);
      },
      std::move(respond));
}

// The chain has the chunk on its disks, so a clean seal has its copies, unless servers were lost
// meanwhile.
bool CanSealAtOnce(Master& master, ChunkId chunk) {
  ClusterState& state = master.state();
  MutexLock lock(&state.mutex);
  const std::optional<ChunkInfo> info = state.chunks.Find(chunk);
  if (!info.has_value() || info->state != pb::CHUNK_STATE_OPEN) return false;
  const uint32_t needed =
      MinWriteReplicas(master.options(), info->wanted, state.servers.servers().size());
  return Assess(*info, state.servers).pending.size() >= needed;
}

// Seals the only chunk and completes the file in one change.
void SealAndComplete(Master& master, const pb::CompleteRequest& request,
                     Respond<pb::CompleteResponse> respond) {
  const ChunkId chunk(request.seal().chunk_id());
  Decide(master, request,
         [&master, chunk, length = request.seal().length(),
          respond = std::move(respond)](Reply<pb::CompleteResponse> reply) {
           if (reply.ok()) {
             LogInfo("chunk_sealed", {{"chunk", chunk}, {"length", length}, {"forced", false}});
             master.sealer().FinalizeSoon(chunk);
           }
           respond(std::move(reply));
         });
}

// As if the primary had reported it. `then` must not block.
void SealApart(Master& master, const pb::CompleteRequest::Seal& seal,
               const std::function<void(const absl::Status&)>& then) {
  const ChunkId chunk(seal.chunk_id());
  using Record = absl::StatusOr<std::optional<pb::LogRecord>>;
  const auto decide = [&](const MetadataView& view) -> Record {
    const auto now = view.Chunk(chunk);
    // The latch was taken for trouble. The replicas know what is in the chunk.
    if (now.has_value() && now->state() == pb::CHUNK_STATE_SEALING) {
      return UnavailableError("chunk {}: is being sealed by force", chunk);
    }
    return ChunkLifecycle(view).CleanSeal(chunk, ServerId(seal.server_id()), seal.length(),
                                          seal.crc());
  };
  master.committer().CommitLater(decide, [&master, chunk, then](const absl::Status& sealed) {
    if (sealed.ok()) master.sealer().FinalizeSoon(chunk);
    then(sealed);
  });
}

void WaitAndComplete(Master& master, const pb::CompleteRequest& request, absl::Time deadline,
                     Respond<pb::CompleteResponse> respond) {
  master.copy_waiters().Add(
      {.inode = InodeId(request.inode_id()),
       .writer_token = request.writer_token(),
       .deadline = deadline,
       .done = [&master, &request, respond = std::move(respond)](const absl::Status& copied) {
         // The same request may have been quicker on another way: then it has its answer.
         if (!copied.ok() && !master.committer().HoldsAnswer(request.header())) {
           return respond(copied);
         }
         Decide(master, request, respond);
       }});
}

}  // namespace

void Complete(Master& master, const pb::CompleteRequest& request, const CallContext& call,
              Respond<pb::CompleteResponse> respond) {
  // A repeated request gets its answer whatever has become of the copies since.
  if (master.committer().HoldsAnswer(request.header())) {
    return Decide(master, request, std::move(respond));
  }
  const absl::Time deadline = WaitUntil(master, call);
  if (!request.has_seal()) return WaitAndComplete(master, request, deadline, std::move(respond));
  if (CanSealAtOnce(master, ChunkId(request.seal().chunk_id()))) {
    return SealAndComplete(master, request, std::move(respond));
  }
  // The seal first; then the copies are waited for like any others.
  const auto rest = std::make_shared<pb::CompleteRequest>(request);
  rest->clear_seal();
  SealApart(master, request.seal(), [&master, rest, deadline, respond](const absl::Status& sealed) {
    if (!sealed.ok()) return respond(sealed);
    WaitAndComplete(master, *rest, deadline, [rest, respond](Reply<pb::CompleteResponse> reply) {
      respond(std::move(reply));
    });
  });
}

void CompleteWithOthers(Master& master, const pb::CompleteRequest& request,
                        Respond<pb::CompleteResponse> respond) {
  if (master.committer().HoldsAnswer(request.header())) {
    return Decide(master, request, std::move(respond));
  }
  if (CanSealAtOnce(master, ChunkId(request.seal().chunk_id()))) {
    return SealAndComplete(master, request, std::move(respond));
  }
  respond(UnavailableError("this file has to wait for its copies, apart from the others"));
}

}  // namespace quern::master
