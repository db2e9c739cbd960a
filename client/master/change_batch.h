// Changes that threads of one client make at the same time travel to the master together: dozens of
// them cost little more than one.
//
// A few calls are under way at once. Whoever finds fewer goes at once; the others wait, and the
// first of them takes all who wait along when a call has come back. So a single caller never waits,
// and the more there are, the fuller the calls. A call is one try, and nothing in it waits for
// anything but the master's log; when one comes back without an answer, all who wait go on by
// themselves, each as long as it likes. Thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/notification.h"
#include "common/status.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::client {

namespace pb = quern::dfs::v1;

// The response to one change, or its error.
absl::StatusOr<std::string> AnswerBytes(const pb::ChangeManyResponse::Answer& answer);

class ChangeBatch {
 public:
  using Send = std::function<absl::StatusOr<pb::ChangeManyResponse>(const pb::ChangeManyRequest&)>;
  // `send` makes one try, of bounded length.
  explicit ChangeBatch(Send send) : send_(std::move(send)) {}

  // Makes the change, together with others that come at the same time. The answer's bytes, or its
  // error; nothing: what became of it is not known, and the same request is to be repeated alone.
  std::optional<absl::StatusOr<std::string>> Make(pb::Change change);

  // Callers whose turn has not come.
  size_t waiting() {
    MutexLock lock(&mutex_);
    return queue_.size();
  }

 private:
  // One caller. It sleeps once at most, on something of its own: it is woken when its turn has come
  // or when it has been taken along, and meets nobody on the way.
  struct Waiting {
    pb::Change change;
    Notification woken{};
    std::vector<Waiting*> batch{};  // its turn: those who go along, itself first
    std::optional<absl::StatusOr<std::string>> answer{};
  };
  // Waits for its turn; those who go along, itself first, or nobody when it was taken along.
  std::vector<Waiting*> AwaitTurn(Waiting* self);
  std::vector<Waiting*> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False: there was no answer.
  bool SendAll(const std::vector<Waiting*>& batch);
  // Hands the turn on, and wakes those who were taken along. Without an answer: all who wait.
  void TurnIsOver(const std::vector<Waiting*>& batch, bool answered);

  const Send send_;
  Mutex mutex_;
  std::deque<Waiting*> queue_ ABSL_GUARDED_BY(mutex_);  // empty unless all turns are taken
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace quern::client
