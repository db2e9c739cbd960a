// Which reports of bad replicas are followed up. Anybody may report, and a report alone proves
// nothing: the holder is told to read its replica whole, and only its own checksums condemn it.
//
// Reading a chunk costs a disk a second, so reports are limited: per reporter and time, per server
// at a time, and a replica that was just found good is not read again at once. Pure. Not
// thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <utility>

#include "common/ids.h"
#include "common/strings.h"

namespace quern::master {

class BadReplicaReports {
 public:
  struct Options {
    // Reports of one reporter in `window` that are followed up.
    int max_per_reporter = 30;
    absl::Duration window = absl::Minutes(1);
    int max_per_server = 2;
    // A replica that was found good is not verified again before.
    absl::Duration trust = absl::Minutes(10);
    // One whose check came to nothing, because the disk hangs, say, not before.
    absl::Duration pause = absl::Seconds(30);
    // Reporters and replicas that are remembered.
    size_t max_remembered = 10'000;
  };
  explicit BadReplicaReports(const Options& options) : options_(options) {}

  // True: have the replica verified now; it counts as under way until Ended.
  bool Begin(std::string_view reporter, ChunkId chunk, ServerId server, absl::Time now);
  // `good`: the holder says so.
  void Ended(ChunkId chunk, ServerId server, bool good, absl::Time now);

 private:
  using Key = std::pair<ChunkId, ServerId>;
  struct Reporter {
    absl::Time window_began;
    int reports = 0;
  };
  bool MayReport(std::string_view reporter, absl::Time now);
  void DropOld(absl::Time now);

  const Options options_;
  StringMap<Reporter> reporters_;
  absl::flat_hash_map<ServerId, int> under_way_;
  // Until when a replica is left alone; InfiniteFuture while it is being verified.
  absl::flat_hash_map<Key, absl::Time> quiet_until_;
};

}  // namespace quern::master
