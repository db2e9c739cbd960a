#include "mapreduce/coordinator/logic/log_follow.h"

namespace quern::mr {

void LogFollow::Add(const AttemptRef& attempt, uint64_t offset) {
  const auto [it, is_new] = entries_.try_emplace(attempt);
  it->second.offset += offset;
  if (is_new) fresh_.push_back(attempt);
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
  const size_t most = kLooks * options_.max_open;
  // Copies: what is looked at may go elsewhere. Those whose pause ends first come first.
  std::vector<AttemptRef> known(open_.begin(), open_.end());
  for (const auto& [until, attempt] : paused_) {
    if (known.size() == open_.size() + most) break;
    known.push_back(attempt);
  }
  for (const AttemptRef& attempt : known) LookAt(attempt, standing(attempt), now, &steps);
  for (size_t i = 0; i < most && open_.size() < options_.max_open && !fresh_.empty(); ++i) {
    const AttemptRef attempt = fresh_.front();
    fresh_.pop_front();
    PauseUntil(now, attempt, &entries_.at(attempt));
    LookAt(attempt, standing(attempt), now, &steps);
  }
  const bool due = !paused_.empty() && paused_.begin()->first <= now;
  more_ = open_.size() < options_.max_open && (due || !fresh_.empty());
  return steps;
}

void LogFollow::LookAt(const AttemptRef& attempt, const Standing& standing, absl::Time now,
                       Steps* steps) {
  Entry& entry = entries_.at(attempt);
  std::string missing;
  if (IsOver(entry, standing, &missing)) {
    open_.erase(attempt);
    paused_.erase({entry.not_before, attempt});
    entries_.erase(attempt);
    steps->ended.push_back({attempt, std::move(missing)});
    return;
  }
  if (entry.open || entry.not_before > now) return;
  if (standing.worker != Worker::kThere) {
    PauseUntil(now + options_.pause, attempt, &entry);
  } else if (open_.size() < options_.max_open) {
    paused_.erase({entry.not_before, attempt});
    open_.insert(attempt);
    entry.open = true;
    entry.ran = standing.runs;
    steps->open.push_back({attempt, entry.offset});
  }
}

void LogFollow::PauseUntil(absl::Time time, const AttemptRef& attempt, Entry* entry) {
  paused_.erase({entry->not_before, attempt});
  entry->not_before = time;
  paused_.emplace(time, attempt);
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
  open_.erase(attempt);
  entry.complete = status.ok();
  entry.last_failure = status;
  if (!status.ok()) ++entry.failures;
  PauseUntil(status.ok() ? absl::InfinitePast() : now + options_.pause, attempt, &entry);
}

absl::Time LogFollow::NextLook() const {
  if (more_) return last_look_ + kBreath;
  // What could begin already waits for another one to end.
  const AttemptRef last{.job = JobKey(UINT32_MAX)};
  const auto next = paused_.upper_bound({last_look_, last});
  return next == paused_.end() ? absl::InfiniteFuture() : next->first;
}

}  // namespace quern::mr
