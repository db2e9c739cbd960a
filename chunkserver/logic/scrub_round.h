// When the replicas of a disk are read against their checksums, though nobody asks for them: bytes
// go bad where nobody looks, and a copy that is needed one day must not turn out to be one of them.
// A round reads all that is on a disk when it begins, in the order of chunk ids, and takes about
// four fifths of the period, so that each replica is read once in it. What comes meanwhile belongs
// to the next one: a disk that is written to faster than it is read would keep a round going for
// ever, and what is old would never be read again. Pure.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids.h"

namespace quern::chunkserver {

struct ScrubProgress {
  absl::Time began = absl::InfinitePast();  // of the round, wall clock
  // Smaller ids have been read in this round. Nothing: the round is over.
  std::optional<ChunkId> next;
  // The largest id of the round. Nothing: what is there now is still to be looked at.
  std::optional<ChunkId> last;
  bool operator==(const ScrubProgress&) const = default;
};

struct ScrubLimits {
  absl::Duration period = absl::Hours(24 * 21);  // 0: no rounds
  // Between two looks whether a round is due, and between two checks of all that is CORRUPT.
  absl::Duration look_every = absl::Minutes(10);
  // Less is not worth spreading, more would slow down the rest.
  uint64_t min_bytes_per_second = uint64_t{1} << 20;
  uint64_t max_bytes_per_second = uint64_t{32} << 20;
};

// How fast to read on a disk with so many bytes of replicas.
uint64_t ScrubBytesPerSecond(const ScrubLimits& limits, uint64_t used_bytes);

// What is to be done now: the round that is under way, or a new one when its time has come.
// Nothing: not yet. A clock that went back by more than a period does not stop the rounds.
std::optional<ScrubProgress> ScrubNow(const ScrubLimits& limits, const ScrubProgress& progress,
                                      absl::Time now);

// Whether this chunk is still to be read in the round.
bool InRound(const ScrubProgress& round, ChunkId chunk);

// One line of text, and back; one that ends after `next` says nothing of `last`. Nothing for what
// is no such line: the disk is begun anew then.
std::string EncodeScrubProgress(const ScrubProgress& progress);
std::optional<ScrubProgress> DecodeScrubProgress(std::string_view text);

}  // namespace quern::chunkserver
