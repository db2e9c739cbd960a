// Two replicas of one chunk on different disks of a server: which of them is worth more, and which
// is served when nobody knows.
//
// There are two when a crash came between a copy and the removal of what it replaces, when a disk
// failed while a replica was made on it, or when one was away meanwhile; and when two histories of
// the cluster have given out the id (the master was started from an old copy). Then each may be the
// only one of its history, and only a master can say which history it is.
//
// Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "chunkserver/logic/replica_types.h"

namespace quern::chunkserver {

// A master's log has sealed the chunk as something else than what is here: STALE.
struct Refusal {
  SealedAs wanted;
  uint64_t when = 0;  // counts the words of masters since the start, with Rival::judged
  bool operator==(const Refusal&) const = default;
};

struct Rival {
  ReplicaState state = ReplicaState::kOpen;
  SealedAs holds;             // its length and checksum; those that were sealed, if it is sealed
  bool sealed = false;        // once, whatever has become of it
  bool damaged = false;       // CORRUPT, or was when it was put in quarantine
  bool made_now = false;      // for a chunk that was given out since the start
  uint64_t create_token = 0;  // of the order that made it; 0: a copy
  uint64_t judged = 0;        // when a master said that it is right; 0: not since the start
  std::optional<Refusal> refused = {};  // the last one since the start
  bool disk_failed = false;
  bool disk_answers = true;
};

// Which of the two is worth more; the other goes. Unordered: neither goes for the other.
std::partial_ordering CompareRivals(const Rival& one, const Rival& other);

// Of two that are unordered: `one` is to be served, and told, rather than `other`, whichever was
// there first. Never true both ways round; false both ways: the one that is served stays so.
//
// What can still be sealed comes first: it has a vote, and every master that knows its chunk
// answers it with an order, which judges it. So does a FINALIZED one before one that no reader can
// have, and before one that a master has refused the one that has what that master wanted.
bool GoesFirst(const Rival& one, const Rival& other);

}  // namespace quern::chunkserver
