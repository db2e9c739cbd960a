#include "mapreduce/coordinator/logic/log_follow.h"

#include <algorithm>

namespace quern::mr {

void LogFollow::Add(const AttemptRef& attempt, uint64_t offset) {
  entries_[attempt].offset += offset;
}

bool LogFollow::IsOver(const Entry& entry, const Standing& standing, std::string* missing) const {
  if (entry.complete) return true;
  if (standing.runs) return false;
  if (standing.worker == Worker::kGone) {
    *missing = "its worker is gone, and the rest of its log with it";
    return true;
  }
  if (entry.open) return false;
  // An attempt that has printed nothing leaves no log.
  if (!entry.ran && entry.last_failure.code() == absl::StatusCode::kNotFound) return true;
  if (entry.failures < options_.max_failures) return false;
  *missing = fmt::format("the rest of its log cannot be had: {}", Message(entry.last_failure));
  return true;
}

LogFollow::Steps LogFollow::Look(const std::function<Standing(const AttemptRef&)>& standing,
                                 absl::Time now) {
  Steps steps;
  last_look_ = now;
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto& [attempt, entry] = *it;
    const Standing stands = standing(attempt);
    std::string missing;
    if (IsOver(entry, stands, &missing)) {
      open_ -= entry.open ? 1 : 0;
      steps.ended.push_back({attempt, std::move(missing)});
      it = entries_.erase(it);
      continue;
    }
    ++it;
    if (entry.open || entry.not_before > now) continue;
    if (stands.worker != Worker::kThere) {
      entry.not_before = now + options_.pause;
    } else if (open_ < options_.max_open) {
      entry.open = true;
      entry.ran = stands.runs;
      ++open_;
      steps.open.push_back({attempt, entry.offset});
    }
  }
  return steps;
}

void LogFollow::Received(const AttemptRef& attempt, uint64_t bytes, bool restarted) {
  const auto it = entries_.find(attempt);
  if (it == entries_.end()) return;
  if (restarted) it->second.offset = 0;
  it->second.offset += bytes;
  if (bytes > 0) it->second.failures = 0;
}

void LogFollow::Finished(const AttemptRef& attempt, const absl::Status& status, absl::Time now) {
  const auto it = entries_.find(attempt);
  if (it == entries_.end() || !it->second.open) return;
  Entry& entry = it->second;
  entry.open = false;
  --open_;
  entry.complete = status.ok();
  entry.last_failure = status;
  if (status.ok()) return;
  ++entry.failures;
  entry.not_before = now + options_.pause;
}

absl::Time LogFollow::NextLook() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [attempt, entry] : entries_) {
    // What could begin already waits for another one to end.
    if (!entry.open && entry.not_before > last_look_) next = std::min(next, entry.not_before);
  }
  return next;
}

}  // namespace quern::mr
