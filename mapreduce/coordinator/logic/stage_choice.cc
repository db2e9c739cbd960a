#include "mapreduce/coordinator/logic/stage_choice.h"

#include <algorithm>
#include <optional>

namespace quern::mr {
namespace {

struct Need {
  bool wanted = false;
  std::vector<bool> outputs;
  bool runs = false;
};

std::optional<size_t> FindOffer(const ReusableStage& stage, const Need& need) {
  for (size_t i = 0; i < stage.offers.size(); ++i) {
    bool has_all = true;
    for (size_t o = 0; o < need.outputs.size(); ++o) {
      has_all = has_all && (!need.outputs[o] || stage.offers[i][o]);
    }
    if (has_all) return i;
  }
  return std::nullopt;
}

}  // namespace

std::vector<StageChoice> ChooseStages(const std::vector<ReusableStage>& stages) {
  std::vector<Need> needs(stages.size());
  for (size_t i = 0; i < stages.size(); ++i) {
    needs[i].outputs = stages[i].published;
    needs[i].wanted = std::find(stages[i].published.begin(), stages[i].published.end(), true) !=
                      stages[i].published.end();
  }
  // What one turn finds to run may need more of another: until no turn finds anything.
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < stages.size(); ++i) {
      if (!needs[i].wanted || needs[i].runs || FindOffer(stages[i], needs[i])) continue;
      needs[i].runs = more = true;
      for (const ReusableStage::Read& read : stages[i].reads) {
        needs[read.stage].wanted = true;
        if (read.output != kOnlyCounters) needs[read.stage].outputs[read.output] = true;
      }
    }
  }
  std::vector<StageChoice> choices(stages.size());
  for (size_t i = 0; i < stages.size(); ++i) {
    if (!needs[i].wanted) continue;
    choices[i].state = needs[i].runs ? StageState::kWaiting : StageState::kReused;
    if (!needs[i].runs) choices[i].offer = *FindOffer(stages[i], needs[i]);
  }
  return choices;
}

}  // namespace quern::mr
