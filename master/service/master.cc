#include "master/service/master.h"

#include <utility>

#include "common/log.h"
#include "common/random.h"

namespace quern::master {

absl::StatusOr<std::unique_ptr<Master>> Master::Start(const MasterOptions& options,
                                                      MetadataStore* store, Clock* clock) {
  auto master = std::unique_ptr<Master>(new Master(options, clock));
  Master* const m = master.get();
  ASSIGN_OR_RETURN(m->committer_, Committer::Start(store, clock, [m](const pb::LogRecord& record) {
                     m->state_.Apply(record, m->clock_.MonotonicNow());
                   }));
  RETURN_IF_ERROR(m->BeginTerm());
  m->orders_ = std::make_unique<OrderDispatcher>(OrderDispatcher::Stamp{m->cluster_id_, m->term_},
                                                 [m] { return m->committer_->committed_index(); });
  m->sealer_ = std::make_unique<ChunkSealer>(m->options_, &m->state_, m->committer_.get(),
                                             m->orders_.get(), clock);
  m->reports_ = std::make_unique<ReplicaReports>(
      &m->state_, m->orders_.get(), clock,
      [m](ChunkId chunk, absl::Duration delay, std::string_view why) {
        m->sealer_->SealLater(chunk, delay, why);
      });
  m->allocator_ = std::make_unique<ChunkAllocator>(m->options_, &m->state_, m->committer_.get(),
                                                   m->orders_.get(), clock);
  RETURN_IF_ERROR(m->LoadState());
  m->StartTasks();
  return master;
}

Master::~Master() {
  {
    MutexLock lock(&state_.mutex);
    state_.on_change = nullptr;
  }
  // Tasks first, then what they use.
  for (auto* task : {&hints_, &writer_sweep_, &collector_, &garbage_, &repair_, &liveness_}) {
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
        term_ = view.Meta().term() + 1;
        pb::LogRecord record;
        record.mutable_begin_term()->set_term(term_);
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
                             {"term", term_},
                             {"files", meta.file_count()},
                             {"chunks", meta.chunk_count()}});
  return view.status();
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
  MutexLock lock(&state_.mutex);
  state_.on_change = [this] {
    repair_->Wake();
    garbage_->Wake();
  };
}

}  // namespace quern::master
