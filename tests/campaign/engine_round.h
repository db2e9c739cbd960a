// One round of the engine campaign: a job's records through the map side, the shuffle's forms of
// runs and the reduce side, held against std::map.
#pragma once

#include <cstdint>
#include <string>

namespace quern::mr {

struct RoundOutcome {
  uint64_t records = 0;
  std::string shape;       // what was drawn
  std::string difference;  // empty when every key and value came out as it should
};

// Everything about the round follows from the seed.
RoundOutcome RunEngineRound(uint64_t seed);

}  // namespace quern::mr
