#include "mapreduce/coordinator/service/job.h"

#include <algorithm>

#include "mapreduce/coordinator/service/convert.h"

namespace quern::mr {
namespace {

void FillPhase(const Job& job, const JobTasks& tasks, TaskKind kind, v1::JobStatus::Phase* phase) {
  const TaskCounts& counts = tasks.counts(kind);
  phase->set_total(counts.total);
  phase->set_done(counts.done);
  phase->set_running(counts.running_attempts);
  phase->set_failed_attempts(counts.failed_attempts);
  phase->set_node_local(counts.started[static_cast<size_t>(Locality::kNode)]);
  phase->set_rack_local(counts.started[static_cast<size_t>(Locality::kRack)]);
  phase->set_remote(counts.started[static_cast<size_t>(Locality::kAny)]);
  phase->set_rerun(counts.reruns);
  double progress = counts.done;
  for (const auto& [attempt, state] : job.progress) {
    const Attempt* a = tasks.Find(attempt.kind, attempt.task, attempt.number);
    if (attempt.kind == kind && a != nullptr && a->state == AttemptState::kRunning) {
      progress += std::clamp(state.fraction(), 0.0, 1.0);
    }
  }
  phase->set_progress(progress);
}

}  // namespace

std::string JobDir(std::string_view job_id) { return fmt::format("/.quern/jobs/{}", job_id); }

v1::JobStatus MakeJobStatus(const Job& job, const JobTasks* tasks) {
  if (job.final_status) return *job.final_status;
  v1::JobStatus status;
  status.set_job_id(job.id);
  status.set_name(job.plan.spec.name());
  status.set_user(job.plan.spec.user());
  status.set_state(job.state);
  status.set_reason(job.reason);
  if (job.failure) *status.mutable_failure() = *job.failure;
  status.set_submitted_ms(ToMillis(job.submitted));
  status.set_started_ms(ToMillis(job.started));
  status.set_finished_ms(ToMillis(job.finished));
  if (tasks != nullptr) {
    FillPhase(job, *tasks, TaskKind::kMap, status.mutable_map());
    FillPhase(job, *tasks, TaskKind::kReduce, status.mutable_reduce());
  }
  CounterSums sums = job.maps.counters();
  for (const auto& [name, value] : job.reduces.counters()) sums[name] += value;
  for (const auto& [name, value] : sums) {
    v1::Counter* counter = status.add_counters();
    counter->set_group(name.first);
    counter->set_name(name.second);
    counter->set_value(value);
  }
  status.set_input_bytes(job.plan.input_bytes);
  status.set_shuffle_bytes(job.maps.shuffle_bytes());
  status.set_output_bytes((job.reduce_tasks() > 0 ? job.reduces : job.maps).output_bytes());
  status.set_output_path(job.plan.spec.output().path());
  status.set_command(job.plan.spec.command());
  return status;
}

v1::TaskAttemptStatus MakeAttemptStatus(const Job& job, TaskKind kind, const Attempt& attempt) {
  const AttemptRef ref{job.key, kind, attempt.task, attempt.number};
  v1::TaskAttemptStatus status;
  *status.mutable_id() = ToProto(job.id, ref);
  status.set_state(ToProto(attempt.state));
  status.set_locality(std::string(LocalityName(attempt.locality)));
  status.set_started_ms(ToMillis(attempt.started));
  status.set_finished_ms(ToMillis(attempt.finished));
  if (const auto it = job.progress.find(ref); it != job.progress.end()) {
    *status.mutable_progress() = it->second;
  }
  if (const auto it = job.failures.find(ref); it != job.failures.end()) {
    *status.mutable_failure() = it->second;
  }
  return status;
}

}  // namespace quern::mr
