#include "mapreduce/task/progress_news.h"

#include <algorithm>

namespace quern::mr {

absl::Duration WaitStep(absl::Duration timeout) {
  return std::clamp(timeout / 4, absl::Milliseconds(250), absl::Seconds(5));
}

ProgressNews::ProgressNews(absl::Duration timeout, absl::Duration max_wait)
    : interval_(WaitStep(timeout)), max_wait_(max_wait) {}

bool ProgressNews::IsDue(const std::string& progress, bool waits, absl::Time now) {
  const bool is_news = progress != last_;
  if (is_news) {
    last_ = progress;
    waited_ = absl::ZeroDuration();
  } else if (waits) {
    waited_ += now - looked_;
  }
  looked_ = now;
  if (!is_news && (!waits || now - sent_ < interval_ || waited_ > max_wait_)) return false;
  sent_ = now;
  return true;
}

}  // namespace quern::mr
