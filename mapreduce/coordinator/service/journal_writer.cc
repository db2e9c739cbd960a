#include "mapreduce/coordinator/service/journal_writer.h"

#include <cstdlib>

#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"

namespace quern::mr {
namespace {

// Splits in one record.
constexpr size_t kPageBytes = size_t{1} << 20;

class SubmissionPages {
 public:
  explicit SubmissionPages(const Job& job) : job_(job) {}

  pb::JournalRecord* AddRecord() {
    page_bytes_ = 0;
    entries_.push_back({job_.key, {}});
    entries_.back().record.set_time_ms(ToMillis(job_.submitted));
    return &entries_.back().record;
  }
  void AddSplits(const PackedMessages<pb::Split>& splits, bool samples) {
    for (size_t i = 0; i < splits.size(); ++i) {
      if (!entries_.back().record.has_splits() || page_bytes_ > kPageBytes) AddRecord();
      pb::SplitsPlanned* page = entries_.back().record.mutable_splits();
      *(samples ? page->add_sample_splits() : page->add_map_splits()) = splits.Get(i);
      page_bytes_ += splits.bytes(i);
    }
  }
  std::vector<JobJournal::Entry> Take() { return std::move(entries_); }

 private:
  const Job& job_;
  std::vector<JobJournal::Entry> entries_;
  size_t page_bytes_ = 0;
};

}  // namespace

void MustWrite(const absl::Status& status) {
  if (status.ok()) return;
  LogError("journal_failed", {{"status", status}});
  std::abort();
}

std::vector<JobJournal::Entry> JournalWriter::Submission(const Job& job) {
  SubmissionPages pages(job);
  pb::JobSubmitted& submitted = *pages.AddRecord()->mutable_submitted();
  submitted.set_job_id(job.id);
  *submitted.mutable_spec() = job.spec;
  submitted.set_client_id(job.client_id);
  submitted.set_request_id(job.request_id);
  submitted.set_input_bytes(job.input_bytes);
  submitted.set_sample_bytes(job.sample_bytes);
  submitted.set_sample_keys(job.sample_keys_wanted);
  submitted.set_term(job.first_term);
  pages.AddSplits(job.map_splits, /*samples=*/false);
  pages.AddSplits(job.sample_splits, /*samples=*/true);
  return pages.Take();
}

pb::JournalRecord* JournalWriter::Add(const Job& job, absl::Time now) {
  entries_.push_back({job.key, {}});
  entries_.back().record.set_time_ms(ToMillis(now));
  return &entries_.back().record;
}

void JournalWriter::Started(const Job& job, const Placed& placed, std::string_view worker_id,
                            absl::Time now) {
  pb::AttemptStarted* started = Add(job, now)->mutable_started();
  *started->mutable_id() = ToProto(job.id, placed.attempt);
  started->set_worker_id(std::string(worker_id));
  started->set_locality(std::string(LocalityName(placed.locality)));
}

void JournalWriter::Chosen(const Job& job, const AttemptRef& attempt,
                           const pb::AttemptResult& result, absl::Time now) {
  pb::AttemptChosen* chosen = Add(job, now)->mutable_chosen();
  *chosen->mutable_id() = ToProto(job.id, attempt);
  *chosen->mutable_result() = result;
}

void JournalWriter::Failed(const Job& job, const AttemptRef& attempt,
                           const pb::AttemptFailure& failure, absl::Time now) {
  pb::AttemptEnded* ended = Add(job, now)->mutable_ended();
  *ended->mutable_id() = ToProto(job.id, attempt);
  ended->set_state(pb::ATTEMPT_STATE_FAILED);
  *ended->mutable_failure() = failure;
}

void JournalWriter::Stopped(const Job& job, const AttemptRef& attempt, Stop how,
                            std::string_view why, absl::Time now) {
  pb::AttemptEnded* ended = Add(job, now)->mutable_ended();
  *ended->mutable_id() = ToProto(job.id, attempt);
  ended->set_state(pb::ATTEMPT_STATE_KILLED);
  ended->mutable_failure()->set_message(std::string(why));
  ended->set_worker_lost(how == Stop::kWorkerLost);
}

void JournalWriter::OutputLost(const Job& job, uint32_t map_task, Loss how, std::string_view why,
                               absl::Time now) {
  pb::OutputLost* lost = Add(job, now)->mutable_lost();
  lost->set_map_task(map_task);
  lost->set_reason(std::string(why));
  lost->set_unreachable(how == Loss::kUnreachable);
  LogInfo("map_output_lost", {{"job", job.id}, {"map", map_task}, {"cause", why}});
}

void JournalWriter::BoundsChosen(const Job& job, absl::Time now) {
  pb::BoundsChosen* bounds = Add(job, now)->mutable_bounds();
  for (const std::string& bound : job.bounds) bounds->add_bounds(bound);
}

void JournalWriter::Doomed(const Job& job, absl::Time now) {
  pb::JobDoomed* doomed = Add(job, now)->mutable_doomed();
  doomed->set_state(job.doomed);
  doomed->set_reason(job.reason);
}

void JournalWriter::KillWished(const Job& job, absl::Time now) {
  pb::JobDoomed* doomed = Add(job, now)->mutable_doomed();
  doomed->set_state(pb::JOB_STATE_KILLED);
  doomed->set_reason(job.kill_wish->reason);
}

void JournalWriter::Write() {
  if (entries_.empty()) return;
  MustWrite(journal_->Append(entries_, JobJournal::Sync::kProcess));
  entries_.clear();
}

}  // namespace quern::mr
