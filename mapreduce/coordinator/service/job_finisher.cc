#include "mapreduce/coordinator/service/job_finisher.h"

#include <memory>
#include <utility>

#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/coordinator/service/plugin_collector.h"

namespace quern::mr {
namespace {

constexpr int kEndingThreads = 2;
constexpr int kCleaningThreads = 2;
constexpr absl::Duration kCollectionInterval = absl::Hours(1);

}  // namespace

class JobFinisher::JobPublication final : public Publication {
 public:
  JobPublication(JobFinisher* finisher, JobKey key, FinishPlan plan)
      : finisher_(finisher), key_(key), plan_(std::move(plan)) {}

  LogField Name() const override { return {"job", plan_.status.job_id()}; }
  std::optional<WishToKill> KillWish() override { return finisher_->jobs_->KillWish(key_); }
  absl::Status Publish() override { return mr::Publish(plan_.publish, finisher_->files_); }
  absl::StatusOr<bool> Withdraw(const std::string& reason) override;
  void Settle() override { finisher_->jobs_->Settle(key_); }
  void End(const Outcome& outcome) override;

 private:
  JobFinisher* const finisher_;
  const JobKey key_;
  FinishPlan plan_;
  bool withdrawing_ = false;  // its journal says so
};

absl::StatusOr<bool> JobFinisher::JobPublication::Withdraw(const std::string& reason) {
  if (!withdrawing_) {
    // A power cut might take the wish and leave a job that cannot be published any more.
    JobJournal::Entry wish{key_, {}};
    wish.record.set_time_ms(ToMillis(finisher_->clock_->TimeNow()));
    wish.record.mutable_doomed()->set_state(pb::JOB_STATE_KILLED);
    wish.record.mutable_doomed()->set_reason(reason);
    MustWrite(finisher_->journal_->Append({wish}, JobJournal::Sync::kDurable));
    withdrawing_ = true;
  }
  return mr::Withdraw(plan_.publish, finisher_->files_);
}

void JobFinisher::JobPublication::End(const Outcome& outcome) {
  pb::JobStatus& status = plan_.status;
  if (!outcome.published.ok()) {
    status.set_state(pb::JOB_STATE_FAILED);
    status.set_reason(fmt::format("publish the output: {}", Message(outcome.published)));
  } else if (outcome.killed) {
    status.set_state(pb::JOB_STATE_KILLED);
    status.set_reason(*outcome.killed);
  }
  finisher_->WriteEnd(key_, std::move(plan_));
}

void JobFinisher::Start() {
  ends_.Start("job-ends", kEndingThreads, [this](const End& end) { RunEnd(end); });
  publications_.Start("publisher");
  cleaning_.Start("job-cleaner", kCleaningThreads,
                  [this](Leftover leftover) { CleanUp(std::move(leftover)); });
}

void JobFinisher::Stop() {
  ends_.Stop();
  publications_.Stop();
  cleaning_.Stop();
}

void JobFinisher::Shutdown() {
  Stop();
  ends_.Shutdown();
  publications_.Shutdown();
  cleaning_.Shutdown();
}

void JobFinisher::RunEnd(const End& end) {
  switch (end.kind) {
    case End::kFinish:
      FinishOne(end.key);
      break;
    case End::kForget:
      MustWrite(journal_->Remove(end.key));
      break;
  }
}

void JobFinisher::FinishOne(JobKey key) {
  absl::StatusOr<FinishPlan> plan = jobs_->PlanFinish(key);
  if (!plan.ok()) return;
  if (plan->status.state() != pb::JOB_STATE_SUCCEEDED) return WriteEnd(key, *std::move(plan));
  JobJournal::Entry commit{key, {}};
  commit.record.set_time_ms(ToMillis(clock_->TimeNow()));
  commit.record.mutable_committing();
  MustWrite(journal_->Append({commit}, JobJournal::Sync::kDurable));
  publications_.Add(std::make_unique<JobPublication>(this, key, *std::move(plan)));
}

void JobFinisher::WriteEnd(JobKey key, FinishPlan plan) {
  plan.status.set_finished_ms(ToMillis(jobs_->Now()));
  pb::JobFinished last;
  *last.mutable_status() = plan.status;
  last.set_client_id(plan.client_id);
  last.set_request_id(plan.request_id);
  const pb::TaskHistory tasks = jobs_->DescribeTasks(key);
  WriteLast(key, last, &tasks);
  LogInfo("job_ended", {{"job", plan.status.job_id()},
                        {"state", pb::JobState_Name(plan.status.state())},
                        {"reason", plan.status.reason()}});
  Clean(key, std::move(last));
  jobs_->JobEnded(key, plan.status);
}

void JobFinisher::Clean(JobKey key, pb::JobFinished last) {
  {
    MutexLock lock(&mutex_);
    uncleaned_.try_emplace(key, false);
  }
  cleaning_.Add({key, std::move(last)});
}

void JobFinisher::Discard(JobKey key, pb::JobFinished last) {
  WriteLast(key, last);
  Clean(key, std::move(last));
  Forget(key);
}

void JobFinisher::Forget(JobKey key) {
  {
    MutexLock lock(&mutex_);
    if (const auto it = uncleaned_.find(key); it != uncleaned_.end()) {
      it->second = true;
      return;
    }
  }
  ends_.Add({End::kForget, key});
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

void JobFinisher::CleanUp(Leftover leftover) {
  pb::JobFinished& last = leftover.last;
  const absl::Status cleaned = files_->DeleteTree(JobDir(last.status().job_id()));
  if (!cleaned.ok()) {
    LogWarning("job_not_cleaned", {{"job", last.status().job_id()}, {"status", cleaned}});
    // Of other errors nothing changes before the next start, which tries again.
    const bool again = IsRetryable(cleaned) && cleaning_.WaitToRetry(options_.clean_retry);
    if (again) cleaning_.Add(std::move(leftover));
    return;
  }
  last.set_cleaned(true);
  WriteLast(leftover.key, last);
  NoteCleaned(leftover.key);
  CollectOldPlugins();
}

void JobFinisher::NoteCleaned(JobKey key) {
  bool forget = false;
  {
    MutexLock lock(&mutex_);
    forget = uncleaned_[key];
    uncleaned_.erase(key);
  }
  if (forget) ends_.Add({End::kForget, key});
}

void JobFinisher::WriteLast(JobKey key, const pb::JobFinished& last, const pb::TaskHistory* tasks) {
  pb::JournalRecord record;
  record.set_time_ms(last.status().finished_ms());
  *record.mutable_finished() = last;
  MustWrite(journal_->Finish(key, record, tasks));
}

}  // namespace quern::mr
