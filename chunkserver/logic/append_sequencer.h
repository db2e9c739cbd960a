// The primary's view of one append stream: which message of a producer is next, what every replica
// has, and up to where the chunk is committed.
//
// Invariants: a sequence number of a producer is accepted once, in order; committed is the least
// offset that all replicas have acknowledged with the same running CRC32C; it never goes back.
// (GFS 3.1-3.3 without padding and duplicates; docs/design/append-and-seal.md)
//
// No locks, no I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "chunkserver/logic/replica_types.h"
#include "common/status.h"

namespace quern::chunkserver {

class AppendSequencer {
 public:
  struct Start {
    uint32_t replicas = 1;  // in the chain, the primary is number 0
    // What the primary has as the stream begins. Counts as committed when all have acknowledged it.
    uint64_t length = 0;
    uint32_t crc = 0;
    uint64_t committed = 0;
    std::vector<ProducerSeq> producers = {};
  };
  explicit AppendSequencer(Start start);

  enum class Verdict {
    kAppend,     // the next of its producer
    kDuplicate,  // is in the chunk already: answered with what is committed, now or later
    kGap,        // one before it is missing
  };
  // `base_seq`: the first number that the client has proved to be in no earlier chunk; it begins a
  // producer that this chunk does not know.
  Verdict Judge(uint64_t producer, uint64_t seq, uint64_t base_seq) const;

  // The primary itself has appended.
  void Appended(const AppendRecord& append);
  // Replica `position` holds bytes up to `end` with this running CRC32C. DataLoss when the
  // primary's differs, InvalidArgument when no append ends there.
  absl::Status Acknowledged(uint32_t position, uint64_t end, uint32_t crc);

  uint64_t length() const { return pending_.empty() ? committed_ : pending_.back().end; }
  uint64_t committed() const { return committed_; }
  bool all_committed() const { return pending_.empty(); }
  // Last number of the producer that is committed; 0 for none.
  uint64_t CommittedSeq(uint64_t producer) const;

 private:
  struct Pending {
    uint64_t end = 0;
    uint32_t crc = 0;
    uint64_t producer = 0;
    uint64_t seq = 0;
  };
  struct Producer {
    uint64_t id = 0;
    uint64_t accepted = 0;
    uint64_t committed = 0;
  };
  const Producer* Find(uint64_t producer) const;
  Producer& FindOrAdd(uint64_t producer);
  void Commit();

  std::deque<Pending> pending_;         // appended, not yet committed, in order
  std::vector<uint64_t> acknowledged_;  // per replica
  std::vector<Producer> producers_;     // few
  uint64_t committed_ = 0;
};

}  // namespace quern::chunkserver
