#include "mapreduce/coordinator/service/journal_replay.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/plan/range_bounds.h"

namespace quern::mr {

absl::Status JournalReplay::Run() {
  RETURN_IF_ERROR(tracker_->journal_->ReadAll(
      [this](JobKey key, const v1::JournalRecord& record) { return Apply(key, record); }));
  EnsureTasks();
  for (const auto& [key, job] : tracker_->jobs_) {
    if (job->ended()) continue;
    // The last chosen attempt may have been written, the decision that followed from it not.
    const TaskCounts& samples = tracker_->scheduler_.job(key)->counts(TaskKind::kSample);
    if (job->state == v1::JOB_STATE_PLANNING && samples.done == samples.total) {
      job->bounds = ChooseRangeBounds(std::move(job->sample_keys), job->reduce_tasks());
      v1::BoundsChosen* bounds = tracker_->AddRecord(key, now_)->record.mutable_bounds();
      for (const std::string& bound : job->bounds) bounds->add_bounds(bound);
      tracker_->scheduler_.ReleaseMaps(key);
      job->state = v1::JOB_STATE_RUNNING;
    }
    tracker_->FinishIfDone(job.get(), now_);
  }
  return absl::OkStatus();
}

absl::Status JournalReplay::Apply(JobKey key, const v1::JournalRecord& record) {
  tracker_->last_key_ = std::max(tracker_->last_key_, key.value());
  const absl::Time time = absl::FromUnixMillis(record.time_ms());
  if (record.has_submitted()) return OnSubmitted(key, record.submitted(), time);
  if (record.has_finished()) {
    EnsureTasks();
    OnFinished(key, record.finished());
    return absl::OkStatus();
  }
  if (record.has_splits()) {
    if (reading_ == nullptr) return DataLossError("journal: {}: splits without a job", key);
    OnSplits(record.splits());
    return absl::OkStatus();
  }
  EnsureTasks();
  if (job_ == nullptr || job_->key != key) {
    return DataLossError("journal: {}: does not begin with a submission", key);
  }
  return ApplyToTasks(record, time);
}

absl::Status JournalReplay::OnSubmitted(JobKey key, const v1::JobSubmitted& submitted,
                                        absl::Time time) {
  EnsureTasks();
  reading_ = std::make_unique<Job>();
  reading_->key = key;
  reading_->id = submitted.job_id();
  reading_->submitted = time;
  reading_->client_id = submitted.client_id();
  reading_->request_id = submitted.request_id();
  reading_->plan.spec = submitted.spec();
  reading_->plan.input_bytes = submitted.input_bytes();
  reading_->plan.sample_bytes = submitted.sample_bytes();
  reading_->plan.sample_keys = submitted.sample_keys();
  NoteJobNumber(reading_->id);
  return absl::OkStatus();
}

void JournalReplay::OnSplits(const v1::SplitsPlanned& splits) {
  for (const v1::Split& split : splits.map_splits()) reading_->plan.map_splits.push_back(split);
  for (const v1::Split& split : splits.sample_splits()) {
    reading_->plan.sample_splits.push_back(split);
  }
}

void JournalReplay::EnsureTasks() {
  if (reading_ == nullptr) return;
  job_ = reading_.get();
  tracker_->requests_[{job_->client_id, job_->request_id}] = job_->key;
  tracker_->keys_[job_->id] = job_->key;
  job_->maps = ChosenResults(static_cast<uint32_t>(job_->plan.map_splits.size()));
  job_->reduces = ChosenResults(job_->reduce_tasks());
  job_->state = job_->plan.sample_splits.empty() ? v1::JOB_STATE_RUNNING : v1::JOB_STATE_PLANNING;
  tracker_->scheduler_.AddJob(job_->key, tracker_->PlanOf(*job_));
  tracker_->jobs_[job_->key] = std::move(reading_);
}

void JournalReplay::OnFinished(JobKey key, const v1::JobFinished& finished) {
  auto job = std::make_unique<Job>();
  job->key = key;
  job->id = finished.status().job_id();
  job->client_id = finished.client_id();
  job->request_id = finished.request_id();
  job->state = finished.status().state();
  job->final_status = finished.status();
  NoteJobNumber(job->id);
  tracker_->requests_[{job->client_id, job->request_id}] = key;
  tracker_->keys_[job->id] = key;
  tracker_->jobs_[key] = std::move(job);
  if (!finished.cleaned()) tracker_->effects_.to_clean.emplace_back(key, finished);
  job_ = nullptr;
}

AttemptRef JournalReplay::Ref(const v1::AttemptId& id) const {
  return {job_->key, FromProto(id.kind()), id.task(), id.attempt()};
}

absl::Status JournalReplay::ApplyToTasks(const v1::JournalRecord& record, absl::Time time) {
  TaskScheduler& scheduler = tracker_->scheduler_;
  switch (record.kind_case()) {
    case v1::JournalRecord::kBounds:
      job_->bounds.assign(record.bounds().bounds().begin(), record.bounds().bounds().end());
      job_->state = v1::JOB_STATE_RUNNING;
      scheduler.ReleaseMaps(job_->key);
      break;
    case v1::JournalRecord::kStarted: {
      const v1::AttemptStarted& started = record.started();
      job_->started = std::min(job_->started, time);
      scheduler.RestoreStarted(Ref(started.id()),
                               tracker_->registry_.Expect(started.worker_id(), now_),
                               ParseLocality(started.locality()), time);
      break;
    }
    case v1::JournalRecord::kChosen:
      if (scheduler.Succeeded(Ref(record.chosen().id()), time).chosen) {
        tracker_->StoreResult(job_, Ref(record.chosen().id()), record.chosen().result());
      }
      break;
    case v1::JournalRecord::kEnded: {
      const AttemptRef ref = Ref(record.ended().id());
      if (record.ended().state() == v1::ATTEMPT_STATE_KILLED) {
        scheduler.Killed(ref, time);
        break;
      }
      const v1::AttemptFailure& failure = record.ended().failure();
      job_->failures[ref] = failure;
      if (scheduler.Failed(ref, FaultOf(failure), time)) {
        job_->failure = failure;
        tracker_->Doom(job_, v1::JOB_STATE_FAILED, DescribeFailure(failure));
      }
      break;
    }
    case v1::JournalRecord::kLost:
      scheduler.OutputLost(job_->key, record.lost().map_task());
      break;
    case v1::JournalRecord::kCommitting:
      break;  // follows from its tasks: they are all done
    default:
      return DataLossError("journal: {}: unknown record", job_->id);
  }
  return absl::OkStatus();
}

void JournalReplay::NoteJobNumber(std::string_view job_id) {
  // job-20261122-0001
  if (job_id.size() < 14) return;
  const std::string day(job_id.substr(4, 8));
  uint32_t number = 0;
  std::from_chars(job_id.data() + 13, job_id.data() + job_id.size(), number);
  if (day > tracker_->last_number_.first) tracker_->last_number_ = {day, 0};
  if (day == tracker_->last_number_.first) {
    tracker_->last_number_.second = std::max(tracker_->last_number_.second, number);
  }
}

}  // namespace quern::mr
