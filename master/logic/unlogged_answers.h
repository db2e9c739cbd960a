// Answers to requests that changed nothing, so that there is no record to hold them: a refusal, or
// "there was nothing to do". A duplicate that was long on its way must not be decided anew, since
// by then there may be something to do.
//
// Kept in memory only, the newest `limit` of them. Not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "common/status.h"

namespace quern::master {

class UnloggedAnswers {
 public:
  struct Answer {
    absl::Status status;
    std::string response;
  };
  explicit UnloggedAnswers(size_t limit) : limit_(limit) {}

  // False for answers after which the client tries the same request again.
  static bool IsFinal(const absl::Status& status) {
    switch (status.code()) {
      case absl::StatusCode::kOk:
      case absl::StatusCode::kInvalidArgument:
      case absl::StatusCode::kNotFound:
      case absl::StatusCode::kAlreadyExists:
      case absl::StatusCode::kPermissionDenied:
      case absl::StatusCode::kFailedPrecondition:
        return true;
      default:
        return false;
    }
  }
  // Null when there is none.
  const Answer* Find(uint64_t client, uint64_t request) const {
    const auto found = answers_.find({client, request});
    return found == answers_.end() ? nullptr : &found->second;
  }
  void Add(uint64_t client, uint64_t request, Answer answer) {
    if (!answers_.try_emplace({client, request}, std::move(answer)).second) return;
    order_.emplace_back(client, request);
    if (order_.size() <= limit_) return;
    answers_.erase(order_.front());
    order_.pop_front();
  }
  size_t size() const { return answers_.size(); }

 private:
  using Key = std::pair<uint64_t, uint64_t>;
  const size_t limit_;
  absl::flat_hash_map<Key, Answer> answers_;
  std::deque<Key> order_;
};

}  // namespace quern::master
