// Which stages of a new pipeline have to run, and which are spared by what earlier ones have left.
// No locks, no files: the caller has looked at what is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mapreduce/coordinator/logic/pipeline_stages.h"

namespace quern::mr {

// Of a stage that is read for its counters alone.
inline constexpr size_t kOnlyCounters = SIZE_MAX;

// One stage, its outputs by index, the main one first.
struct ReusableStage {
  // Which of them must be there in the end.
  std::vector<bool> published;
  // What it reads of other stages when it runs.
  struct Read {
    size_t stage = 0;
    size_t output = 0;
  };
  std::vector<Read> reads = {};
  // What each earlier run has left: which of its outputs can be used. The first are preferred.
  std::vector<std::vector<bool>> offers = {};
};

struct StageChoice {
  StageState state = StageState::kNotNeeded;  // kWaiting, kReused or kNotNeeded
  size_t offer = 0;                           // of kReused
  bool operator==(const StageChoice&) const = default;
};

// A stage is spared when one offer has all of its outputs that are published or that a stage reads
// that has to run. Reads have no circles.
std::vector<StageChoice> ChooseStages(const std::vector<ReusableStage>& stages);

}  // namespace quern::mr
