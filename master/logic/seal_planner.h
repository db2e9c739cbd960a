// Decides at which length a chunk is sealed by force, from the answers to the Fence orders.
//
// An acknowledged byte is on every replica of the chain, so one valid answer is enough to be safe
// and the minimum over several is right. The floor (what is known to be committed, or was
// acknowledged to the complaining writer) unmasks replicas that lost what they had promised; a
// SUSPECT replica, which cannot know what it forgot in a power cut, has no vote while another may
// still answer. Longer replicas vote as well on what stands before the end of the shortest one: the
// odd one out may be the shortest. When no replica is left, only the word of a writer to whom
// nothing was acknowledged ends the chunk: it is empty. Pure: no state, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/ids.h"

namespace quern::master {

struct FenceAnswer {
  enum class Kind {
    kAnswered,  // latched at length, crc
    kSilent,    // may still answer later
    kLost,      // never will: it has no such replica, or its bytes are corrupt
  };
  ServerId server;
  Kind kind = Kind::kSilent;
  uint64_t length = 0;
  uint32_t crc = 0;  // of the whole replica
  uint64_t committed = 0;
  // Of the asking producer, within `length`.
  uint64_t last_seq = 0;
  bool suspect = false;
  // What it was asked of its first bytes: length -> their CRC, none if it did not tell. All answers
  // are kept, since a length comes up again when the next one is asked for.
  std::map<uint64_t, std::optional<uint32_t>> prefix_crcs = {};
};

struct SealDecision {
  // False: wait for another answer, `reason` says for whose.
  bool decided = false;
  // Unless 0, and not decided: longer replicas have to say first what they have up to here.
  uint64_t ask_prefix = 0;
  uint64_t length = 0;
  uint32_t crc = 0;
  uint64_t last_seq = 0;
  bool lost_tail = false;
  // Replicas that lost or changed what they had acknowledged.
  std::vector<ServerId> corrupt;
  std::string reason;
};

// `answers` holds one entry per server of the chain, in its order; `acked_offset` is what the
// complaining writer was acknowledged, which nobody else knows for certain; nothing if nobody
// complains.
SealDecision PlanSeal(std::span<const FenceAnswer> answers, std::optional<uint64_t> acked_offset);

}  // namespace quern::master
