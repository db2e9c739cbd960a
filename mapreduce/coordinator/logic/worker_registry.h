// Who the workers are and whether they are alive.
//
// A worker is lost when it says nothing for `heartbeat_timeout` (MapReduce 3.3), or
// `reconnect_grace` after its session broke: a process that died is noticed at once by its closed
// connection, and one that comes back in time loses nothing. Each call costs O(log workers). No
// locks; `now` is an argument.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/strings.h"
#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

struct WorkerInfo {
  std::string id;  // made by the worker at its first start
  std::string address;
  std::string http_address;
  std::string node;
  std::string rack;
  uint32_t slots = 0;
  uint64_t process = 0;        // drawn at each start of it; 0: it does not say
  std::string unhealthy = {};  // why it takes no tasks; empty: it does
};

class WorkerRegistry {
 public:
  struct Options {
    absl::Duration heartbeat_timeout = absl::Seconds(10);
    absl::Duration reconnect_grace = absl::Seconds(3);
  };
  enum class State { kConnected, kAway, kLost };
  struct Worker {
    WorkerInfo info;
    State state = State::kAway;
    // It is lost when this passes without news.
    absl::Time deadline;
  };

  WorkerRegistry() = default;
  explicit WorkerRegistry(Options options) : options_(options) {}

  // The same id keeps its key for ever.
  WorkerKey Register(WorkerInfo info, absl::Time now);
  // A worker that the journal names, after a restart: it has the heartbeat timeout to come back.
  WorkerKey Expect(std::string_view id, absl::Time now);
  // The time of all who are away begins anew: nobody could come before.
  void AwaitAll(absl::Time now);
  void Heartbeat(WorkerKey key, absl::Time now);
  // Its session has ended.
  void Disconnected(WorkerKey key, absl::Time now);

  void SetUnhealthy(WorkerKey key, std::string why) {
    workers_.at(key).info.unhealthy = std::move(why);
  }
  // The address that a worker had last; empty when it never registered.
  std::string AddressOf(std::string_view id) const {
    const auto it = keys_.find(id);
    return it == keys_.end() ? "" : workers_.at(it->second).info.address;
  }

  // Of its last registration; 0 when it never registered.
  uint64_t ProcessOf(std::string_view id) const {
    const auto it = keys_.find(id);
    return it == keys_.end() ? 0 : workers_.at(it->second).info.process;
  }

  // Workers that are lost since the last call.
  std::vector<WorkerKey> CollectLost(absl::Time now);
  // When CollectLost should be called next.
  absl::Time NextDeadline() const {
    return deadlines_.empty() ? absl::InfiniteFuture() : deadlines_.begin()->first;
  }

  const Worker& Get(WorkerKey key) const { return workers_.at(key); }
  const std::map<WorkerKey, Worker>& workers() const { return workers_; }

 private:
  WorkerKey KeyOf(std::string_view id);
  void SetDeadline(WorkerKey key, absl::Time deadline);

  Options options_;
  std::map<WorkerKey, Worker> workers_;
  std::set<std::pair<absl::Time, WorkerKey>> deadlines_;  // of all that are not lost
  StringMap<WorkerKey> keys_;
};

}  // namespace quern::mr
