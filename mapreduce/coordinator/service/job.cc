#include "mapreduce/coordinator/service/job.h"

#include <utility>

#include "common/clean_text.h"
#include "mapreduce/coordinator/service/convert.h"

namespace quern::mr {
namespace {

// Of the newest failures.
constexpr size_t kMaxFailures = 1'000;
constexpr size_t kSummaryTextBytes = 300;
// Splits and bounds of one ended job: 10,000 splits have about this size.
constexpr size_t kMaxKeptInputBytes = size_t{1} << 20;

void FillPhase(const JobTasks& tasks, TaskKind kind, pb::JobStatus::Phase* phase) {
  const TaskCounts& counts = tasks.counts(kind);
  phase->set_total(counts.total);
  phase->set_done(counts.done);
  phase->set_running(counts.running_attempts);
  phase->set_failed_attempts(counts.failed_attempts);
  phase->set_node_local(counts.started[static_cast<size_t>(Locality::kNode)]);
  phase->set_rack_local(counts.started[static_cast<size_t>(Locality::kRack)]);
  phase->set_remote(counts.started[static_cast<size_t>(Locality::kAny)]);
  phase->set_rerun(counts.reruns);
  phase->set_progress(counts.progress);
}

void AddCounters(const Job& job, pb::JobStatus* status) {
  CounterSums sums = job.maps->counters();
  for (const auto& [name, value] : job.reduces->counters()) sums[name] += value;
  for (const auto& [name, value] : sums) {
    pb::Counter* counter = status->add_counters();
    counter->set_group(name.first);
    counter->set_name(name.second);
    counter->set_value(value);
  }
}

// Everything but the counters.
pb::JobStatus MakeBareStatus(const Job& job, const JobTasks* tasks) {
  pb::JobStatus status;
  status.set_job_id(job.id);
  status.set_name(job.spec.name());
  status.set_user(job.spec.user());
  status.set_state(job.state);
  status.set_reason(job.reason);
  if (job.failure) *status.mutable_failure() = *job.failure;
  status.set_submitted_ms(ToMillis(job.submitted));
  status.set_started_ms(ToMillis(job.started));
  status.set_finished_ms(ToMillis(job.finished));
  if (tasks != nullptr) {
    FillPhase(*tasks, TaskKind::kMap, status.mutable_map());
    FillPhase(*tasks, TaskKind::kReduce, status.mutable_reduce());
  }
  status.set_input_bytes(job.input_bytes);
  status.set_shuffle_bytes(job.maps->shuffle_bytes());
  status.set_output_bytes((job.reduce_tasks() > 0 ? job.reduces : job.maps)->output_bytes());
  status.set_output_path(job.spec.output().path());
  for (const pb::JobSpec::NamedOutput& named : job.spec.outputs()) {
    pb::JobStatus::NamedOutput* const output = status.add_named_outputs();
    output->set_name(named.name());
    output->set_path(named.output().path());
  }
  status.set_command(job.spec.command());
  status.set_pipeline_id(job.spec.pipeline_id());
  if (job.spec.has_counter_meanings()) {
    *status.mutable_counter_meanings() = job.spec.counter_meanings();
  }
  return status;
}

}  // namespace

std::string JobDir(std::string_view job_id) { return fmt::format("{}/{}", kJobsDir, job_id); }

pb::JobStatus MakeJobStatus(const Job& job, const JobTasks* tasks) {
  pb::JobStatus status;
  if (job.final_status) {
    status = *job.final_status;
    *status.mutable_counters() = job.final_counters;
  } else {
    status = MakeBareStatus(job, tasks);
    AddCounters(job, &status);
  }
  return status;
}

pb::JobStatus MakeJobSummary(const Job& job, const JobTasks* tasks) {
  pb::JobStatus status = job.final_status ? *job.final_status : MakeBareStatus(job, tasks);
  status.clear_failure();
  status.clear_counter_meanings();  // it has no counters
  status.set_reason(CleanLine(status.reason(), kSummaryTextBytes));
  status.set_command(CleanLine(status.command(), kSummaryTextBytes));
  return status;
}

std::unique_ptr<Job> MakeJob(PlannedJob plan) {
  auto job = std::make_unique<Job>();
  for (const pb::Split& split : plan.map_splits) job->map_splits.Add(split);
  for (const pb::Split& split : plan.sample_splits) job->sample_splits.Add(split);
  job->spec = std::move(plan.spec);
  job->sample_bytes = plan.sample_bytes;
  job->sample_keys_wanted = plan.sample_keys;
  job->input_bytes = plan.input_bytes;
  return job;
}

void OpenJob(Job* job) {
  job->maps = std::make_shared<ChosenResults>(job->map_tasks());
  job->reduces = std::make_shared<ChosenResults>(job->reduce_tasks());
  job->map_times.resize(job->map_tasks());
  job->reduce_times.resize(job->reduce_tasks());
  job->state = job->sample_splits.empty() ? pb::JOB_STATE_RUNNING : pb::JOB_STATE_PLANNING;
}

bool IsOver(const pb::JobStatus& status) {
  return status.state() == pb::JOB_STATE_SUCCEEDED || status.state() == pb::JOB_STATE_FAILED ||
         status.state() == pb::JOB_STATE_KILLED;
}

StringSet PlacesOf(const Job& job) {
  StringSet places;
  for (const PackedMessages<pb::Split>* splits : {&job.map_splits, &job.sample_splits}) {
    for (size_t i = 0; i < splits->size(); ++i) {
      const pb::Split split = splits->Get(i);
      for (const std::string& node : split.nodes()) places.insert(NodePlace(node));
      for (const std::string& rack : split.racks()) places.insert(RackPlace(rack));
    }
  }
  return places;
}

std::unique_ptr<JobTasks> MakeTasks(const Job& job, const StringMap<PlaceId>& places) {
  const auto places_of = [&places](const PackedMessages<pb::Split>& splits) {
    std::vector<TaskPlaces> all(splits.size());
    for (size_t i = 0; i < splits.size(); ++i) {
      const pb::Split split = splits.Get(i);
      for (const std::string& node : split.nodes()) {
        all[i].nodes.push_back(places.at(NodePlace(node)));
      }
      for (const std::string& rack : split.racks()) {
        all[i].racks.push_back(places.at(RackPlace(rack)));
      }
    }
    return all;
  };
  JobPlan plan;
  plan.user = job.spec.user();
  plan.samples = places_of(job.sample_splits);
  plan.maps = places_of(job.map_splits);
  plan.reduces = job.reduce_tasks();
  plan.max_failures = job.spec.limits().attempts();
  return std::make_unique<JobTasks>(std::move(plan));
}

void Job::StoreResult(const AttemptRef& attempt, const pb::AttemptResult& result) {
  switch (attempt.kind) {
    case TaskKind::kSample:
      sample_keys.insert(sample_keys.end(), result.sample_keys().begin(),
                         result.sample_keys().end());
      break;
    case TaskKind::kMap:
      maps->Set(attempt.task, result);
      map_times[attempt.task] = result.times();
      break;
    case TaskKind::kReduce:
      reduces->Set(attempt.task, result);
      reduce_times[attempt.task] = result.times();
      break;
  }
}

std::optional<pb::AttemptTimes> Job::TimesOf(TaskKind kind, const Attempt& attempt) const {
  if (attempt.state != AttemptState::kSucceeded || kind == TaskKind::kSample) return std::nullopt;
  const std::vector<pb::AttemptTimes>& times = kind == TaskKind::kMap ? map_times : reduce_times;
  if (attempt.task >= times.size()) return std::nullopt;
  return times[attempt.task];
}

void Job::SetFinal(pb::JobStatus status) {
  state = status.state();
  final_counters.Swap(status.mutable_counters());
  final_status = std::move(status);
}

bool Job::inputs_are_small() const {
  size_t bytes = 0;
  for (size_t i = 0; i < map_splits.size(); ++i) bytes += map_splits.bytes(i);
  for (const std::string& bound : bounds) bytes += bound.size();
  return bytes <= kMaxKeptInputBytes;
}

void Job::MoveInputsTo(Job* other) {
  std::swap(other->map_splits, map_splits);
  std::swap(other->bounds, bounds);
}

void Job::NoteFailure(const AttemptRef& attempt, const pb::AttemptFailure& how) {
  if (failures.insert_or_assign(attempt, how).second) failure_order.push_back(attempt);
  while (failure_order.size() > kMaxFailures) {
    failures.erase(failure_order.front());
    failure_order.pop_front();
  }
}

Fault Job::JudgeFailure(const AttemptRef& attempt, const pb::AttemptFailure& how) {
  const Fault fault = FaultOf(how);
  if (fault != Fault::kUserCode || !spec.limits().skip_bad_records() || !how.blames_record()) {
    return fault;
  }
  const RecordPlace place{how.record_piece(), how.record_position()};
  const bool stepped_over = bad_records.NoteDeath(attempt.kind, attempt.task, place, how.message());
  return stepped_over ? Fault::kBadRecord : fault;
}

std::string NodePlace(std::string_view node) { return fmt::format("node:{}", node); }
std::string RackPlace(std::string_view rack) { return fmt::format("rack:{}", rack); }

pb::TaskAttemptStatus MakeAttemptStatus(const Job& job, TaskKind kind, const Attempt& attempt) {
  const AttemptRef ref{job.key, kind, attempt.task, attempt.number};
  pb::TaskAttemptStatus status;
  *status.mutable_id() = ToProto(job.id, ref);
  status.set_state(ToProto(attempt.state));
  status.set_locality(std::string(LocalityName(attempt.locality)));
  status.set_started_ms(ToMillis(attempt.started));
  status.set_finished_ms(ToMillis(attempt.finished));
  if (const auto it = job.progress.find(ref); it != job.progress.end()) {
    *status.mutable_progress() = it->second;
  }
  if (const auto times = job.TimesOf(kind, attempt)) *status.mutable_times() = *times;
  if (const auto it = job.failures.find(ref); it != job.failures.end()) {
    *status.mutable_failure() = it->second;
  }
  return status;
}

}  // namespace quern::mr
