// Whether a disk answers: which operations wait for it, and since when.
//
// A disk that hangs returns no errors: whoever asks it anything sleeps. So the only sign is an
// operation that does not come back, and the sign of its recovery is that it does. No probes are
// needed: a disk that nobody uses may be as slow as it likes.
//
// Not thread-safe.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>

namespace quern::chunkserver {

class OperationWatch {
 public:
  explicit OperationWatch(absl::Duration patience) : patience_(patience) {}

  // An operation begins; the number is for End. `now` never goes back.
  uint64_t Begin(absl::Time now);
  void End(uint64_t operation);

  // How long the oldest operation under way has been waiting; zero when there is none.
  absl::Duration Waiting(absl::Time now) const;
  // False while some operation takes longer than the patience.
  bool Answers(absl::Time now) const { return Waiting(now) <= patience_; }
  size_t under_way() const { return begun_.size(); }

 private:
  const absl::Duration patience_;
  uint64_t last_ = 0;
  std::map<uint64_t, absl::Time> begun_;  // the first is the oldest
};

}  // namespace quern::chunkserver
