#include "mapreduce/coordinator/service/journal_replay.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/journal_writer.h"

namespace quern::mr {
namespace {

bool IsOfPipeline(const pb::JournalRecord& record) {
  return record.has_pipeline_submitted() || record.has_stage_round_ended() ||
         record.has_pipeline_doomed() || record.has_pipeline_finished();
}

}  // namespace

absl::StatusOr<JournalReplay::Outcome> JournalReplay::Run(JobJournal* journal) {
  RETURN_IF_ERROR(
      journal->ReadAll([this](JobKey key, const absl::StatusOr<pb::JournalRecord>& record) {
        if (key == broken_) return absl::OkStatus();
        state_->jobs.NoteKey(key);
        // The record may have been a page of the plan, whatever is left of it.
        const bool planned = reading_ == nullptr || reading_->key != key;
        const absl::Status applied = record.ok() ? Apply(key, *record) : record.status();
        if (!applied.ok()) Broken(key, planned ? Plan::kWhole : Plan::kPart, applied);
        return absl::OkStatus();
      }));
  EnsureTasks();
  const uint64_t term = journal->term();
  for (const auto& [key, job] : state_->jobs.all()) {
    if (job->ended()) continue;
    state_->scheduler.SetFirstNumber(
        key,
        static_cast<uint32_t>(term - std::min(term, job->first_term)) * JobTasks::kNumbersPerTerm);
  }
  return std::move(outcome_);
}

void JournalReplay::Broken(JobKey key, Plan plan, const absl::Status& why) {
  LogError("journal_job_unreadable", {{"job", key.ToString()}, {"status", why}});
  EnsureTasks();
  broken_ = key;
  job_ = nullptr;
  // A pipeline goes on from what was read: its rounds may be asked for again.
  if (outcome_.pipelines.contains(key)) return;
  if (state_->jobs.Find(key) == nullptr) {
    outcome_.to_forget.push_back(key);
    return;
  }
  std::string reason = fmt::format(
      "the coordinator's journal of this job is damaged: {}. Try: submit it again", Message(why));
  if (plan == Plan::kWhole) {
    Fail(key, std::move(reason));
  } else {
    // With splits missing, all that it seems to have may be done when nothing has been: an empty
    // output would take the place of a good one.
    outcome_.doomed.push_back({key, pb::JOB_STATE_FAILED, std::move(reason)});
  }
}

absl::Status JournalReplay::Apply(JobKey key, const pb::JournalRecord& record) {
  if (IsOfPipeline(record)) {
    outcome_.pipelines[key].push_back(record);
    return absl::OkStatus();
  }
  const absl::Time time = absl::FromUnixMillis(record.time_ms());
  if (record.has_submitted()) {
    OnSubmitted(key, record.submitted(), time);
    return absl::OkStatus();
  }
  if (record.has_finished()) {
    EnsureTasks();
    OnFinished(key, record.finished());
    return absl::OkStatus();
  }
  if (record.has_splits() && reading_ != nullptr && reading_->key == key) {
    for (const pb::Split& split : record.splits().map_splits()) reading_->map_splits.Add(split);
    for (const pb::Split& split : record.splits().sample_splits()) {
      reading_->sample_splits.Add(split);
    }
    return absl::OkStatus();
  }
  EnsureTasks();
  if (job_ == nullptr || job_->key != key) {
    return DataLossError("it does not begin with a submission");
  }
  return ApplyToTasks(record, time);
}

void JournalReplay::OnSubmitted(JobKey key, const pb::JobSubmitted& submitted, absl::Time time) {
  EnsureTasks();
  reading_ = std::make_unique<Job>();
  reading_->key = key;
  reading_->id = submitted.job_id();
  reading_->submitted = time;
  reading_->client_id = submitted.client_id();
  reading_->request_id = submitted.request_id();
  reading_->first_term = submitted.term();
  reading_->spec = submitted.spec();
  reading_->input_bytes = submitted.input_bytes();
  reading_->sample_bytes = submitted.sample_bytes();
  reading_->sample_keys_wanted = submitted.sample_keys();
}

void JournalReplay::EnsureTasks() {
  if (reading_ == nullptr) return;
  OpenJob(reading_.get());
  job_ = state_->jobs.Add(std::move(reading_));
  state_->scheduler.AddJob(job_->key, MakeTasks(*job_, state_->PlacesOf(PlacesOf(*job_))));
}

void JournalReplay::OnFinished(JobKey key, const pb::JobFinished& finished) {
  job_ = nullptr;
  if (!finished.cleaned()) outcome_.to_clean.emplace_back(key, finished);
  if (IsWithdrawn(finished)) {
    // Its directory is removed, perhaps much later: no other one may get it.
    state_->jobs.NoteId(finished.status().job_id());
    outcome_.to_forget.push_back(key);
    return;
  }
  auto job = std::make_unique<Job>();
  job->key = key;
  job->id = finished.status().job_id();
  job->client_id = finished.client_id();
  job->request_id = finished.request_id();
  job->SetFinal(finished.status());
  state_->jobs.Add(std::move(job));
}

AttemptRef JournalReplay::Ref(const pb::AttemptId& id) const {
  return {job_->key, FromProto(id.kind()), id.task(), id.attempt()};
}

absl::Status JournalReplay::ApplyToTasks(const pb::JournalRecord& record, absl::Time time) {
  switch (record.kind_case()) {
    case pb::JournalRecord::kBounds:
      job_->bounds.assign(record.bounds().bounds().begin(), record.bounds().bounds().end());
      job_->state = pb::JOB_STATE_RUNNING;
      state_->scheduler.ReleaseMaps(job_->key);
      return absl::OkStatus();
    case pb::JournalRecord::kStarted:
      return OnStarted(record.started(), time);
    case pb::JournalRecord::kChosen:
      OnChosen(record.chosen(), time);
      return absl::OkStatus();
    case pb::JournalRecord::kEnded:
      OnEnded(record.ended(), time);
      return absl::OkStatus();
    case pb::JournalRecord::kLost: {
      const Loss how = record.lost().unreachable() ? Loss::kUnreachable : Loss::kWorkerLost;
      if (state_->scheduler.OutputLost(job_->key, record.lost().map_task(), how)) {
        Fail(job_->key, record.lost().reason());
      }
      return absl::OkStatus();
    }
    case pb::JournalRecord::kDoomed:
      return OnDoomed(record.doomed());
    case pb::JournalRecord::kCommitting:
      return absl::OkStatus();  // follows from its tasks: they are all done
    default:
      return DataLossError("a record of an unknown kind");
  }
}

absl::Status JournalReplay::OnDoomed(const pb::JobDoomed& doomed) {
  if (doomed.state() != pb::JOB_STATE_FAILED && doomed.state() != pb::JOB_STATE_KILLED) {
    return DataLossError("doomed to be {}", pb::JobState_Name(doomed.state()));
  }
  outcome_.doomed.push_back({job_->key, doomed.state(), doomed.reason()});
  return absl::OkStatus();
}

void JournalReplay::Fail(JobKey key, std::string reason) {
  // Its work is done, and its output may be there already: nothing can fail it any more.
  const JobTasks* tasks = state_->scheduler.job(key);
  if (tasks != nullptr && tasks->AllDone()) return;
  outcome_.doomed.push_back({key, pb::JOB_STATE_FAILED, std::move(reason)});
}

absl::Status JournalReplay::OnStarted(const pb::AttemptStarted& started, absl::Time time) {
  job_->started = std::min(job_->started, time);
  const WorkerKey worker = state_->registry.Expect(started.worker_id(), now_);
  if (!state_->scheduler.RestoreStarted(Ref(started.id()), worker,
                                        ParseLocality(started.locality()), time)) {
    return DataLossError("an attempt of a task that does not exist, or a second one of its number");
  }
  return absl::OkStatus();
}

void JournalReplay::OnChosen(const pb::AttemptChosen& chosen, absl::Time time) {
  const AttemptRef ref = Ref(chosen.id());
  if (!state_->scheduler.Succeeded(ref, time).chosen) return;
  job_->StoreResult(ref, chosen.result());
}

void JournalReplay::OnEnded(const pb::AttemptEnded& ended, absl::Time time) {
  const AttemptRef ref = Ref(ended.id());
  if (ended.state() == pb::ATTEMPT_STATE_KILLED) {
    const Stop how = ended.worker_lost() ? Stop::kWorkerLost : Stop::kKilled;
    if (how == Stop::kKilled && state_->scheduler.TakeLossBack(ref)) return;
    if (state_->scheduler.Killed(ref, how, time)) {
      Fail(job_->key, DescribeWorkerLosses(ended.id()));
    }
    return;
  }
  job_->NoteFailure(ref, ended.failure());
  if (state_->scheduler.Failed(ref, job_->JudgeFailure(ref, ended.failure()), time)) {
    job_->failure = ended.failure();
    Fail(job_->key,
         DescribeLastFailure(ended.id(), job_->spec.limits().attempts(), ended.failure()));
  }
}

}  // namespace quern::mr
