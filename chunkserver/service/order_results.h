// Results of orders on their way to the master: those that come while others are being sent travel
// in one message.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// Thread-safe. Of one session.
class OrderResults {
 public:
  using Result = pb::ServerMessage::OrderResult;
  static constexpr size_t kMaxPerMessage = 1000;

  // `wake` is called when there is something to take after there was nothing; by any thread.
  explicit OrderResults(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Add(Result result) {
    bool first = false;
    {
      MutexLock lock(&mutex_);
      first = results_.empty();
      results_.push_back(std::move(result));
    }
    if (first) wake_();
  }

  // The oldest ones, or nothing.
  std::optional<pb::ServerMessage> Take() {
    std::vector<Result> taken;
    {
      MutexLock lock(&mutex_);
      if (results_.size() <= kMaxPerMessage) {
        taken.swap(results_);
      } else {
        const auto end = results_.begin() + kMaxPerMessage;
        taken.assign(std::move_iterator(results_.begin()), std::move_iterator(end));
        results_.erase(results_.begin(), end);
      }
    }
    if (taken.empty()) return std::nullopt;
    pb::ServerMessage message;
    for (Result& result : taken) *message.mutable_results()->add_results() = std::move(result);
    return message;
  }

 private:
  const std::function<void()> wake_;
  Mutex mutex_;
  std::vector<Result> results_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
