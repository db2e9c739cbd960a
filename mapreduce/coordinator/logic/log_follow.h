// Whose logs somebody who follows a job is still to be sent, and what to do about each of them.
//
// An attempt is followed until its worker has sent everything, or until that cannot happen any
// more. A stream that breaks is opened again where it stopped, as long as there is hope: while the
// attempt runs, or its worker is there. A bounded number of streams is open at once; the others
// wait. No locks, no streams, no clock.
//
// A busy job has hundreds of thousands of attempts that wait: looking costs what may be open.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

class LogFollow {
 public:
  struct Options {
    size_t max_open = 64;
    // Before a broken stream is opened again, and how often that is tried in vain.
    absl::Duration pause = absl::Seconds(1);
    int max_failures = 5;
  };
  // How an attempt stands at this moment.
  enum class Worker { kThere, kAway, kGone };  // away: it may come back
  struct Standing {
    bool runs = false;
    Worker worker = Worker::kGone;
  };
  struct Open {
    AttemptRef attempt;
    uint64_t offset = 0;
  };
  struct End {
    AttemptRef attempt;
    std::string missing;  // why its log is not complete; empty: it is
  };
  struct Steps {
    std::vector<Open> open;
    std::vector<End> ended;  // a stream that is still open is to be closed
  };

  LogFollow() = default;
  explicit LogFollow(Options options) : options_(options) {}

  // `offset` bytes of it are not wanted. Nothing happens when it is followed already.
  void Add(const AttemptRef& attempt, uint64_t offset = 0);
  // What can be done now; the caller does it. Asks how an attempt stands at most a few times
  // max_open times: about those that are open, and about some of the others.
  Steps Look(const std::function<Standing(const AttemptRef&)>& standing, absl::Time now);
  // Of a stream that was opened. `restarted`: from the beginning again.
  void Received(const AttemptRef& attempt, uint64_t bytes, bool restarted);
  void Finished(const AttemptRef& attempt, const absl::Status& status, absl::Time now);

  bool done() const { return entries_.empty(); }
  // When Look may find more to do although nothing has happened.
  absl::Time NextLook() const;

 private:
  // Looked at at a time, of those that pause and of those that never were; times max_open.
  static constexpr size_t kLooks = 2;
  // Until the next ones are.
  static constexpr absl::Duration kBreath = absl::Milliseconds(10);

  struct Entry {
    uint64_t offset = 0;
    bool open = false;
    bool ran = false;  // when its stream was opened
    bool complete = false;
    int failures = 0;  // since the last byte
    absl::Status last_failure;
    absl::Time not_before = absl::InfinitePast();
  };
  // Nothing more comes of it; `missing` says what that costs.
  bool IsOver(const Entry& entry, const Standing& standing, std::string* missing) const;
  void LookAt(const AttemptRef& attempt, const Standing& standing, absl::Time now, Steps* steps);
  // Of an entry that is not open and not in fresh_.
  void PauseUntil(absl::Time time, const AttemptRef& attempt, Entry* entry);

  Options options_;
  std::map<AttemptRef, Entry> entries_;
  // Each is in one of these.
  std::set<AttemptRef> open_;
  std::set<std::pair<absl::Time, AttemptRef>> paused_;  // by not_before
  std::deque<AttemptRef> fresh_;                        // in the order in which they were added
  bool more_ = false;  // could have been opened if they had been looked at
  absl::Time last_look_ = absl::InfinitePast();
};

}  // namespace quern::mr
