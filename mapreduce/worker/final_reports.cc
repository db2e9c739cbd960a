#include "mapreduce/worker/final_reports.h"

#include <algorithm>
#include <utility>

#include "mapreduce/engine/task_id.h"

namespace quern::mr {

void FinalReports::Add(Update update, absl::Time now) {
  Report& report = reports_[AttemptKey(update.id())];
  report = {std::move(update), now};
}

void FinalReports::Acknowledge(const pb::AttemptId& id) { reports_.erase(AttemptKey(id)); }

void FinalReports::ForgetJob(const std::string& job_id) {
  std::erase_if(reports_,
                [&](const auto& entry) { return entry.second.update.id().job_id() == job_id; });
}

std::vector<FinalReports::Update> FinalReports::Unsuccessful(absl::Time now) {
  std::vector<Update> all;
  for (auto& [key, report] : reports_) {
    report.sent = now;
    if (report.update.state() != pb::ATTEMPT_STATE_SUCCEEDED) all.push_back(report.update);
  }
  return all;
}

std::vector<FinalReports::Update> FinalReports::TakeDue(absl::Time now) {
  std::vector<Report*> late;
  for (auto& [key, report] : reports_) {
    if (now - report.sent >= kPatience) late.push_back(&report);
  }
  std::stable_sort(late.begin(), late.end(),
                   [](const Report* a, const Report* b) { return a->sent < b->sent; });
  std::vector<Update> due;
  size_t bytes = 0;
  for (Report* report : late) {
    if (bytes >= kBytesAtOnce) break;
    bytes += report->update.ByteSizeLong();
    report->sent = now;
    due.push_back(report->update);
  }
  return due;
}

}  // namespace quern::mr
