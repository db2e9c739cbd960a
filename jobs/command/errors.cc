#include "jobs/command/errors.h"

#include <unistd.h>

#include <exception>

namespace quern::command {

namespace {

// A longer line is taken in pieces of this size.
constexpr size_t kMaxLineBytes = size_t{64} << 10;
constexpr size_t kLastLineBytes = 300;
constexpr std::string_view kReporter = "reporter:";
constexpr std::string_view kCounter = "counter:";
constexpr std::string_view kStatus = "status:";

}  // namespace

void ErrorLines::Take(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    rest_ += bytes.substr(0, end);
    const bool whole = end != std::string_view::npos;
    if (whole || rest_.size() >= kMaxLineBytes) {
      TakeLine(rest_);
      rest_.clear();
    }
    bytes.remove_prefix(whole ? end + 1 : bytes.size());
  }
}

void ErrorLines::Finish() {
  if (!rest_.empty()) TakeLine(rest_);
  rest_.clear();
}

void ErrorLines::TakeLine(std::string_view line) {
  if (line.starts_with(kReporter)) {
    const std::string_view text = line.substr(kReporter.size());
    if (text.starts_with(kStatus)) return context_->SetStatus(text.substr(kStatus.size()));
    if (text.starts_with(kCounter) && BumpCounter(text.substr(kCounter.size()))) return;
  }
  Log(line);
}

bool ErrorLines::BumpCounter(std::string_view text) {
  const size_t last = text.rfind(',');
  const size_t first = text.find(',');
  if (first == std::string_view::npos || first == last) return false;
  int64_t amount = 0;
  try {
    amount = ParseInt(text.substr(last + 1));
  } catch (const std::exception&) {
    return false;  // the line is shown as it is
  }
  const std::string_view key = text.substr(0, last);
  auto known = counters_.find(key);
  if (known == counters_.end()) {
    std::string name(key);
    name[first] = '.';
    known = counters_.emplace(key, context_->counter(name)).first;
  }
  known->second->Increment(amount);
  return true;
}

void ErrorLines::Log(std::string_view line) {
  if (!line.empty()) last_line_ = line.substr(0, kLastLineBytes);
  std::string text(line);
  text += '\n';
  // What cannot be logged is no reason to stop.
  [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace quern::command
