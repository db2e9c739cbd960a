#include "mapreduce/coordinator/service/order_maker.h"

#include <algorithm>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

// Leaves a message room for what is around the order.
constexpr size_t kMaxLaunchBytes = size_t{6} << 20;

}  // namespace

uint64_t OrderMaker::Add(WorkerKey worker, pb::WorkerOrder order) {
  order.set_cluster_id(cluster_id_);
  order.set_term(term_);
  order.set_log_index(++last_number_);
  orders_.emplace_back(worker, std::move(order));
  return last_number_;
}

pb::TaskSpec OrderMaker::MakeTaskSpec(const Job& job, const AttemptRef& attempt) {
  pb::TaskSpec task;
  *task.mutable_id() = ToProto(job.id, attempt);
  task.set_attempt_dir(fmt::format("{}/{}", JobDir(job.id), FormatAttempt(task.id())));
  if (attempt.kind == TaskKind::kMap) {
    *task.mutable_split() = job.map_splits.Get(attempt.task);
  }
  if (attempt.kind == TaskKind::kSample) {
    *task.mutable_split() = job.sample_splits.Get(attempt.task);
    task.set_sample_bytes(job.sample_bytes);
    task.set_sample_keys(job.sample_keys_wanted);
  }
  for (const BadRecords::Record& record : job.bad_records.Of(attempt.kind, attempt.task)) {
    pb::BadRecord* const bad = task.add_bad_records();
    bad->set_piece(record.place.piece);
    bad->set_position(record.place.position);
    bad->set_reason(record.reason);
  }
  return task;
}

absl::StatusOr<uint64_t> OrderMaker::Launch(const Job& job, const Placed& placed) {
  pb::WorkerOrder order;
  *order.mutable_launch()->mutable_task() = MakeTaskSpec(job, placed.attempt);
  const size_t bytes = order.ByteSizeLong();
  if (bytes > kMaxLaunchBytes) {
    return ResourceExhaustedError(
        "{}: its description has {} bytes, the limit is {}. Try: a smaller --split, or shorter "
        "parameters",
        FormatAttempt(order.launch().task().id()), bytes, kMaxLaunchBytes);
  }
  if (briefed_[placed.worker].insert(job.key).second) Add(placed.worker, MakeBriefing(job));
  return Add(placed.worker, std::move(order));
}

pb::WorkerOrder OrderMaker::MakeBriefing(const Job& job) {
  pb::WorkerOrder order;
  pb::WorkerOrder::Briefing* briefing = order.mutable_briefing();
  briefing->set_job_id(job.id);
  *briefing->mutable_job() = job.spec;
  briefing->set_map_tasks(job.map_tasks());
  for (const std::string& bound : job.bounds) briefing->add_range_bounds(bound);
  return order;
}

void OrderMaker::BriefAgain(JobKey job) {
  for (auto& [worker, jobs] : briefed_) jobs.erase(job);
}

void OrderMaker::Kill(WorkerKey worker, std::string_view job_id, const AttemptRef& attempt,
                      std::string_view reason) {
  pb::WorkerOrder order;
  *order.mutable_kill()->mutable_id() = ToProto(job_id, attempt);
  order.mutable_kill()->set_reason(std::string(reason));
  Add(worker, std::move(order));
}

void OrderMaker::Forget(WorkerKey worker, std::string_view job_id) {
  pb::WorkerOrder order;
  order.mutable_forget()->set_job_id(std::string(job_id));
  Add(worker, std::move(order));
}

pb::WorkerOrder::OutputDelta OrderMaker::MakeDelta(const Job& job,
                                                   const OutputTable::Piece& piece) {
  pb::WorkerOrder::OutputDelta delta;
  delta.set_job_id(job.id);
  delta.set_from(piece.from);
  delta.set_to(piece.to);
  for (const uint32_t number : piece.new_holders) {
    const OutputHolder& holder = job.outputs.holders()[number];
    auto* out = delta.add_holders();
    out->set_id(number);
    out->set_address(holder.address);
    out->set_node(holder.node);
    out->set_directory(holder.directory);
  }
  const int entries = static_cast<int>(piece.entries.size());
  delta.mutable_map_tasks()->Reserve(entries);
  delta.mutable_attempts()->Reserve(entries);
  delta.mutable_holder_ids()->Reserve(entries);
  for (const OutputTable::Entry& entry : piece.entries) {
    delta.add_map_tasks(entry.map_task);
    delta.add_attempts(entry.attempt);
    delta.add_holder_ids(entry.holder);
  }
  return delta;
}

void OrderMaker::Outputs(WorkerKey worker, const pb::WorkerOrder::OutputDelta& delta) {
  pb::WorkerOrder order;
  *order.mutable_output_delta() = delta;
  Add(worker, std::move(order));
}

}  // namespace quern::mr
