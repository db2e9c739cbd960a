// Decides, while a chunkserver's session goes on, which buckets of its inventory are to be listed
// again.
//
// At the beginning of a session digests are compared and differences listed; after that the table
// follows what is told. Should the two part all the same (a report that was lost or came twice, a
// replica that vanished), this finds it: digests are compared now and then, and where the same
// difference is seen twice in a row it is not news that is still on its way, whose difference would
// have changed or gone. A difference that a listing does not end, such as a replica in quarantine,
// is listed again after a long pause. Of one session; not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/time/time.h>

#include <cstdint>
#include <span>
#include <vector>

namespace quern::master {

class InventoryCheck {
 public:
  struct Options {
    absl::Duration every = absl::Seconds(20);
    // Listed at a time.
    size_t max_buckets = 8;
    // Comparisons after which a difference that a listing did not end is listed again.
    int patience = 30;
  };
  InventoryCheck(const Options& options, absl::Time session_began)
      : options_(options), next_(session_began + options.every) {}

  // True when the server is to be asked for its digests now.
  bool Due(absl::Time now);
  // The digests as the server told them and as the table has them, all of one moment: the buckets
  // to be listed.
  std::vector<uint32_t> Compare(std::span<const uint64_t> told, std::span<const uint64_t> expected);

 private:
  struct Difference {
    // XOR of the two digests: of one replica that only one side has, the hash of that replica,
    // whatever else comes and goes.
    uint64_t bits = 0;
    int comparisons_left = 1;
  };

  const Options options_;
  absl::Time next_;
  absl::flat_hash_map<uint32_t, Difference> differences_;  // by bucket
};

}  // namespace quern::master
