#include "master/service/copy_waiters.h"

#include <algorithm>
#include <utility>

#include "common/clock.h"
#include "master/logic/chunk_assessment.h"
#include "master/logic/file_lifecycle.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kLongestLookNap = absl::Seconds(5);

absl::Status Stopping() { return UnavailableError("the master is stopping"); }

}  // namespace

CopyWaiters::CopyWaiters(Master* master)
    : master_(*master),
      task_(std::make_unique<BackgroundTask>("copy-waiters", [this] { return Work(); })) {}

void CopyWaiters::Add(Request request) {
  absl::Status refusal;
  {
    MutexLock lock(&mutex_);
    if (stopped_) {
      refusal = Stopping();
    } else if (waiting_count_ >= kMaxWaiting) {
      refusal = ResourceExhaustedError("{} requests wait for copies already", waiting_count_);
    } else {
      ++waiting_count_;
      arrived_.push_back(std::move(request));
    }
  }
  if (!refusal.ok()) return request.done(refusal);
  task_->Wake();
}

CopyWaiters::~CopyWaiters() {
  Stop();
  task_.reset();  // from here on nobody else touches what waits
  Work();
}

void CopyWaiters::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  if (task_ != nullptr) task_->Wake();
}

absl::Status CopyWaiters::ReadFile(Waiter* waiter) const {
  const std::unique_ptr<RowReader> rows = master_.committer().Snapshot();
  const MetadataView view(*rows);
  const InodeId inode = waiter->request.inode;
  absl::StatusOr<pb::InodeRow> file = FileLifecycle(view, master_.options().file_defaults, 0)
                                          .CheckWriter(inode, waiter->request.writer_token);
  RETURN_IF_ERROR(view.status());
  RETURN_IF_ERROR(file.status());
  waiter->name = file->name();
  waiter->replication = file->replication();
  waiter->chunks = view.FileChunks(inode, 0, file->chunk_count());
  return view.status();
}

absl::Status CopyWaiters::Look(Waiter* waiter, absl::Time now) const {
  while (true) {
    RETURN_IF_ERROR(LookAtSome(waiter, now));
    if (waiter->next == waiter->chunks.size()) return absl::OkStatus();
    GiveWay();
  }
}

absl::Status CopyWaiters::LookAtSome(Waiter* waiter, absl::Time now) const {
  ClusterState& state = master_.state();
  MutexLock lock(&state.mutex);
  const uint32_t needed =
      MinWriteReplicas(master_.options(), waiter->replication, state.servers.servers().size());
  const size_t end = std::min(waiter->next + ClusterState::kSlice, waiter->chunks.size());
  for (; waiter->next < end; ++waiter->next) {
    const ChunkId chunk = waiter->chunks[waiter->next];
    const std::optional<ChunkInfo> info = state.chunks.Find(chunk);
    if (!info.has_value()) {
      return NotFoundError("{}: was deleted while it was written", waiter->name);
    }
    // Who completes the file says what is wrong with a chunk that is not sealed.
    if (info->state != pb::CHUNK_STATE_SEALED || info->length == 0) continue;
    const size_t durable = CountDurable(*info, state.servers);
    if (durable >= needed) continue;
    state.repair.ClientWaits(chunk);
    const bool is_late = now >= waiter->end_of_patience;
    if (is_late && state.repair.ClientNeeds(chunk, needed, Assess(*info, state.servers))) {
      state.Changed();
    }
    if (now < waiter->request.deadline) return CancelledError("not yet");
    return UnavailableError(
        "{}: chunk {} has {} durable copies, need {} (min_write_replicas). Try: dfs admin report",
        waiter->name, chunk, durable, needed);
  }
  return absl::OkStatus();
}

absl::Duration CopyWaiters::Work() {
  const absl::Time now = master_.clock().MonotonicNow();
  std::vector<Request> arrived;
  bool stopped = false;
  {
    MutexLock lock(&mutex_);
    arrived.swap(arrived_);
    stopped = stopped_;
  }
  std::vector<std::pair<Request, absl::Status>> over;
  for (Request& request : arrived) {
    Waiter waiter;
    waiter.request = std::move(request);
    waiter.end_of_patience = now + master_.options().finalize_patience;
    if (absl::Status status = stopped ? Stopping() : ReadFile(&waiter); !status.ok()) {
      over.emplace_back(std::move(waiter.request), std::move(status));
    } else {
      waiters_.push_back(std::move(waiter));
    }
  }
  absl::Time next = now + kLongestLookNap;
  std::erase_if(waiters_, [&](Waiter& waiter) {
    absl::Status status = stopped ? Stopping() : Look(&waiter, now);
    if (absl::IsCancelled(status)) {
      next = std::min(next, waiter.request.deadline);
      if (now < waiter.end_of_patience) next = std::min(next, waiter.end_of_patience);
      return false;
    }
    over.emplace_back(std::move(waiter.request), std::move(status));
    return true;
  });
  {
    MutexLock lock(&mutex_);
    waiting_count_ -= over.size();
  }
  for (const auto& [request, status] : over) request.done(status);
  return std::max(next - now, absl::Milliseconds(1));
}

}  // namespace quern::master
