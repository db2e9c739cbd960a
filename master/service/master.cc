#include "master/service/master.h"

#include <utility>

#include "common/log.h"
#include "common/random.h"

namespace quern::master {

absl::StatusOr<std::unique_ptr<Master>> Master::Start(const MasterOptions& options,
                                                      MetadataStore* store, Clock* clock) {
  auto master = std::unique_ptr<Master>(new Master(options, store, clock));
  Master* const m = master.get();
  ASSIGN_OR_RETURN(m->committer_, Committer::Start(store, clock, [m](const pb::LogRecord& record) {
                     m->state_.Apply(record, m->clock_.MonotonicNow());
                   }));
  RETURN_IF_ERROR(m->BeginTerm());
  RETURN_IF_ERROR(m->LoadState());
  m->orders_ = std::make_unique<OrderDispatcher>(m->OrderStamp(),
                                                 [m] { return m->committer_->committed_index(); });
  m->HoldOrders();
  m->sealer_ = std::make_unique<ChunkSealer>(m->options_, &m->state_, m->committer_.get(),
                                             m->orders_.get(), clock);
  m->reports_ = std::make_unique<ReplicaReports>(
      &m->state_, m->orders_.get(), clock,
      [m](ChunkId chunk, absl::Duration delay, std::string_view why) {
        m->sealer_->SealLater(chunk, delay, why);
      },
      [m] { m->FollowStanding(); });
  m->allocator_ =
      std::make_unique<ChunkAllocator>(m->options_, &m->state_, m->committer_.get(),
                                       m->orders_.get(), clock, [m] { m->FollowStanding(); });
  m->StartTasks();
  return master;
}

Master::~Master() {
  {
    MutexLock lock(&state_.mutex);
    state_.on_change = nullptr;
  }
  // Tasks first, then what they use.
  copy_waiters_.reset();
  for (auto* task :
       {&disk_room_, &hints_, &writer_sweep_, &collector_, &garbage_, &repair_, &liveness_}) {
    task->reset();
  }
  sealer_.reset();
}

absl::Status Master::BeginTerm() {
  RETURN_IF_ERROR(committer_->Commit(
      [&](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
        if (!view.Meta().cluster_id().empty()) return std::nullopt;
        pb::LogRecord record;
        record.mutable_format()->set_cluster_id(RandomHex(16));
        return record;
      }));
  RETURN_IF_ERROR(committer_->Commit(
      [&](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
        cluster_id_ = view.Meta().cluster_id();
        pb::LogRecord record;
        pb::BeginTerm* begin = record.mutable_begin_term();
        begin->set_term(view.Meta().term() + 1);
        begin->set_start_id(RandomId());
        for (const uint64_t id : StartsToForget(view.Starts())) begin->add_forgotten_starts(id);
        return record;
      }));
  return absl::OkStatus();
}

absl::Status Master::LoadState() {
  const std::unique_ptr<RowReader> rows = committer_->Snapshot();
  const MetadataView view(*rows);
  state_.Load(view);
  const pb::MetaRow meta = view.Meta();
  LogInfo("master_started", {{"cluster", cluster_id_},
                             {"term", meta.term()},
                             {"files", meta.file_count()},
                             {"chunks", meta.chunk_count()}});
  return view.status();
}

void Master::HoldOrders() {
  MutexLock lock(&state_.mutex);
  const size_t known = state_.servers.servers().size();
  orders_->HoldUntil((known + 1) / 2);
  orders_wait_until_ = clock_.MonotonicNow() + options_.orders_wait;
}

MasterStart Master::start() {
  MutexLock lock(&state_.mutex);
  return state_.standing.start();
}

OrderDispatcher::Stamp Master::OrderStamp() {
  const MasterStart now = start();
  return {.cluster_id = cluster_id_, .term = now.term, .start_id = now.id};
}

void Master::FollowStanding() {
  MutexLock one_at_a_time(&standing_mutex_);
  absl::Status status;
  {
    MutexLock lock(&state_.mutex);
    status = state_.standing.status();
  }
  if (!status.ok()) {
    if (!halted_) LogError("master_halted", {{"status", status}});
    committer_->Halt(status);
    orders_->Halt(status);
  } else if (halted_) {
    LogWarning("master_goes_on", {{"term", term()}});
    committer_->Resume();
    orders_->Resume(OrderStamp());
  }
  halted_ = !status.ok();
}

absl::Status Master::AdoptHistory() {
  Standing::Adoption adoption;
  {
    MutexLock lock(&state_.mutex);
    if (state_.standing.status().ok()) {
      return FailedPreconditionError(
          "no chunkserver knows anything that this master does not: there is nothing to adopt");
    }
    adoption = state_.standing.Adopt(RandomId());
  }
  RETURN_IF_ERROR(committer_->CommitAt(
      adoption.index, [&](const MetadataView&) -> absl::StatusOr<std::optional<pb::LogRecord>> {
        pb::LogRecord record;
        *record.mutable_adopt_history() = adoption.record;
        return record;
      }));
  allocator_->DropReserved();
  const std::unique_ptr<RowReader> rows = committer_->Snapshot();
  const MetadataView view(*rows);
  const std::vector<MasterStart> starts = view.Starts();
  const uint64_t next_chunk = view.Meta().next_chunk();
  RETURN_IF_ERROR(view.status());
  {
    MutexLock lock(&state_.mutex);
    state_.standing.Load(starts, next_chunk);
  }
  FollowStanding();
  return absl::OkStatus();
}

void Master::StartTasks() {
  const auto start = [this](std::string name, absl::Duration (*work)(Master*)) {
    return std::make_unique<BackgroundTask>(std::move(name), [this, work] { return work(this); });
  };
  liveness_ = start("liveness", DeclareDeadServers);
  repair_ = start("repair", OrderRepairs);
  garbage_ = start("garbage", OrderRemovals);
  collector_ = start("collector", CollectDeletedTrees);
  writer_sweep_ = start("writer-sweep", GiveUpSilentWriters);
  hints_ = start("hints", WriteReplicaHints);
  disk_room_ = start("disk-room", WatchDiskRoom);
  copy_waiters_ = std::make_unique<CopyWaiters>(this);
  MutexLock lock(&state_.mutex);
  state_.on_change = [this] {
    repair_->Wake();
    garbage_->Wake();
    copy_waiters_->Wake();
  };
}

}  // namespace quern::master
