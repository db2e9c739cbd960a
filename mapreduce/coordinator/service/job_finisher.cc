#include "mapreduce/coordinator/service/job_finisher.h"

#include <utility>

#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/coordinator/service/plugin_collector.h"

namespace quern::mr {
namespace {

constexpr int kThreads = 4;
constexpr absl::Duration kRetryInterval = absl::Seconds(1);
constexpr absl::Duration kCollectionInterval = absl::Hours(1);

}  // namespace

void JobFinisher::Start() {
  queue_.Start("finisher", kThreads, [this](Work work) { Run(std::move(work)); });
}

void JobFinisher::Run(Work work) {
  switch (work.kind) {
    case Work::kFinish:
      FinishOne(work.key);
      break;
    case Work::kClean:
      CleanUp(work.key, std::move(work.last));
      break;
    case Work::kForget:
      MustWrite(journal_->Remove(work.key));
      break;
  }
}

void JobFinisher::FinishOne(JobKey key) {
  absl::StatusOr<FinishPlan> plan = jobs_->PlanFinish(key);
  if (!plan.ok()) return;
  if (plan->status.state() == pb::JOB_STATE_SUCCEEDED) {
    const absl::Status published = PublishWithRetries(key, *plan);
    if (!published.ok() && queue_.stopping()) return;  // goes on at the next start
    if (!published.ok()) {
      plan->status.set_state(pb::JOB_STATE_FAILED);
      plan->status.set_reason(fmt::format("publish the output: {}", Message(published)));
    }
  }
  plan->status.set_finished_ms(ToMillis(clock_->TimeNow()));
  pb::JobFinished last;
  *last.mutable_status() = plan->status;
  last.set_client_id(plan->client_id);
  last.set_request_id(plan->request_id);
  const pb::TaskHistory tasks = jobs_->DescribeTasks(key);
  WriteLast(key, last, &tasks);
  LogInfo("job_ended", {{"job", plan->status.job_id()},
                        {"state", pb::JobState_Name(plan->status.state())},
                        {"reason", plan->status.reason()}});
  jobs_->JobEnded(key, plan->status);
  CleanUp(key, std::move(last));
  CollectOldPlugins();
}

void JobFinisher::CollectOldPlugins() {
  const absl::Time now = clock_->TimeNow();
  {
    MutexLock lock(&mutex_);
    if (now < next_collection_) return;
    next_collection_ = now + kCollectionInterval;
  }
  const absl::Status collected = CollectPlugins(jobs_->PluginsInUse(), now, files_);
  if (!collected.ok()) LogWarning("plugins_not_collected", {{"status", collected}});
}

void JobFinisher::CleanUp(JobKey key, pb::JobFinished last) {
  const absl::Status cleaned = files_->DeleteTree(JobDir(last.status().job_id()));
  if (!cleaned.ok()) {  // tried again at the next start
    LogWarning("job_not_cleaned", {{"job", last.status().job_id()}, {"status", cleaned}});
    return;
  }
  last.set_cleaned(true);
  WriteLast(key, last);
}

absl::Status JobFinisher::PublishWithRetries(JobKey key, const FinishPlan& plan) {
  JobJournal::Entry commit{key, {}};
  commit.record.set_time_ms(ToMillis(clock_->TimeNow()));
  commit.record.mutable_committing();
  MustWrite(journal_->Append({commit}, JobJournal::Sync::kDurable));
  while (true) {
    const absl::Status status = Publish(plan.publish, files_);
    // The work is done; a file system that is away for a while must not undo it.
    if (status.ok() || !IsRetryable(status)) return status;
    LogWarning("publish_retry", {{"job", plan.status.job_id()}, {"status", status}});
    if (!queue_.WaitToRetry(kRetryInterval)) return status;
  }
}

void JobFinisher::WriteLast(JobKey key, const pb::JobFinished& last, const pb::TaskHistory* tasks) {
  pb::JournalRecord record;
  record.set_time_ms(last.status().finished_ms());
  *record.mutable_finished() = last;
  MustWrite(journal_->Finish(key, record, tasks));
}

}  // namespace quern::mr
