// The attempts that run, by worker, and when each was heard of last.
//
// Two things can go wrong in silence: an attempt is gone and nobody said so (its last report was
// lost, its order never arrived), or it is said to run for ever. Missing() finds the first from
// what a worker lists as running, Silent() the second by a timeout of its own. No locks; `now` is
// an argument.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

class RunningAttempts {
 public:
  // Its timeout begins with Launched or Heard; an attempt from before a restart has none until its
  // worker has spoken.
  void Add(const AttemptRef& attempt, WorkerKey worker);
  void Remove(const AttemptRef& attempt, WorkerKey worker);

  // It was launched by this order, or a registration named it (0). Without news for `timeout` it
  // is silent.
  void Launched(const AttemptRef& attempt, WorkerKey worker, uint64_t order, absl::Duration timeout,
                absl::Time now);
  void Heard(const AttemptRef& attempt, WorkerKey worker, absl::Time now);

  // Launched has been called: it is known to run, or on its way.
  bool IsConfirmed(const AttemptRef& attempt, WorkerKey worker) const;
  uint32_t count(WorkerKey worker) const;
  std::vector<AttemptRef> On(WorkerKey worker) const;
  // Those that a worker should have, having carried out its orders up to last_order, and does not.
  std::vector<AttemptRef> Missing(WorkerKey worker, const std::set<AttemptRef>& listed,
                                  uint64_t last_order) const;
  // Each until it is heard of again, or removed.
  std::vector<std::pair<AttemptRef, WorkerKey>> Silent(absl::Time now) const;
  absl::Time NextSilence() const {
    return deadlines_.empty() ? absl::InfiniteFuture() : std::get<0>(*deadlines_.begin());
  }

 private:
  static constexpr uint64_t kUnconfirmed = UINT64_MAX;

  struct State {
    uint64_t order = kUnconfirmed;
    absl::Duration timeout = absl::InfiniteDuration();
    absl::Time deadline = absl::InfiniteFuture();
  };
  const State* Find(const AttemptRef& attempt, WorkerKey worker) const;
  State* Find(const AttemptRef& attempt, WorkerKey worker);
  void SetDeadline(const AttemptRef& attempt, WorkerKey worker, State* state, absl::Time deadline);

  absl::flat_hash_map<WorkerKey, std::map<AttemptRef, State>> by_worker_;
  std::set<std::tuple<absl::Time, AttemptRef, WorkerKey>> deadlines_;
};

}  // namespace quern::mr
