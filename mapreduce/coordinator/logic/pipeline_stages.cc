#include "mapreduce/coordinator/logic/pipeline_stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quern::mr {

PipelineStages::PipelineStages(std::vector<StageRule> rules)
    : rules_(std::move(rules)), stages_(rules_.size()) {}

void PipelineStages::Continue(size_t stage, uint32_t rounds, uint32_t settled) {
  stages_[stage].rounds = rounds;
  stages_[stage].settled = settled;
}

void PipelineStages::Start(absl::Time now) {
  started_ = true;
  Dispatch(now);
}

void PipelineStages::RoundSucceeded(const Round& round, bool holds, absl::Time now) {
  if (!IsRunning(round)) return;
  Stage& stage = stages_[round.stage];
  const StageRule& rule = rules_[round.stage];
  stage.rounds = round.round;
  stage.settled = holds ? stage.settled + 1 : 0;
  if (round.round > 1) decisions_.drop.push_back({round.stage, round.round - 1});
  if (!rule.repeats || stage.settled >= rule.in_a_row) {
    End(round.stage, StageState::kDone, now);
  } else if (stage.rounds >= rule.max_rounds) {
    if (rule.fail_at_max) {
      FailAtMax(round.stage, now);
    } else {
      End(round.stage, StageState::kDone, now);
    }
  } else if (doomed_) {
    End(round.stage, StageState::kStopped, now);
  } else {
    Run(round.stage);
  }
  Dispatch(now);
}

void PipelineStages::RoundFailed(const Round& round, std::string reason, absl::Time now) {
  if (!IsRunning(round)) return;
  Fail(round.stage, std::move(reason), now);
  Dispatch(now);
}

void PipelineStages::RoundStopped(const Round& round, absl::Time now) {
  if (!IsRunning(round)) return;
  if (doomed_) {
    End(round.stage, StageState::kStopped, now);
  } else {
    Fail(round.stage,
         fmt::format("stage {}: was stopped by nobody's wish", rules_[round.stage].name), now);
  }
  Dispatch(now);
}

void PipelineStages::Doom(std::string reason, absl::Time now) {
  if (doomed_ || ended_) return;
  doomed_ = true;
  reason_ = std::move(reason);
  for (const Round& round : running()) decisions_.stop.push_back(round);
  Dispatch(now);
}

void PipelineStages::Fail(size_t stage, std::string reason, absl::Time now) {
  End(stage, StageState::kFailed, now);
  Doom(std::move(reason), now);
}

void PipelineStages::FailAtMax(size_t stage, absl::Time now) {
  Fail(stage,
       fmt::format("stage {0}: has not come to its end after {1} rounds. Try: the same mr run with "
                   "--set {0}.repeat.max=N, more than {1}, which goes on from there",
                   rules_[stage].name, stages_[stage].rounds),
       now);
}

void PipelineStages::End(size_t stage, StageState state, absl::Time now) {
  stages_[stage].state = state;
  stages_[stage].finished = now;
}

void PipelineStages::Run(size_t stage) {
  decisions_.run.push_back({stage, stages_[stage].rounds + 1});
}

bool PipelineStages::IsRunning(const Round& round) const {
  return round.stage < stages_.size() && stages_[round.stage].state == StageState::kRunning &&
         round.round == stages_[round.stage].rounds + 1;
}

bool PipelineStages::IsOver(size_t stage) const {
  const StageState state = stages_[stage].state;
  return state == StageState::kDone || state == StageState::kReused ||
         state == StageState::kNotNeeded;
}

std::vector<PipelineStages::Round> PipelineStages::running() const {
  std::vector<Round> rounds;
  for (size_t i = 0; i < stages_.size(); ++i) {
    if (stages_[i].state == StageState::kRunning) rounds.push_back({i, stages_[i].rounds + 1});
  }
  return rounds;
}

bool PipelineStages::failed() const {
  return std::any_of(stages_.begin(), stages_.end(),
                     [](const Stage& stage) { return stage.state == StageState::kFailed; });
}

// What can begin now, or the end of all.
void PipelineStages::Dispatch(absl::Time now) {
  if (!started_ || ended_) return;
  for (size_t i = 0; i < stages_.size() && !doomed_; ++i) {
    const std::vector<size_t>& reads = rules_[i].reads;
    if (stages_[i].state != StageState::kWaiting ||
        !std::all_of(reads.begin(), reads.end(), [this](size_t read) { return IsOver(read); })) {
      continue;
    }
    stages_[i].state = StageState::kRunning;
    stages_[i].started = now;
    if (rules_[i].repeats && stages_[i].rounds >= rules_[i].max_rounds) {
      FailAtMax(i, now);  // it goes on from there
    } else {
      Run(i);
    }
  }
  const bool any_runs = std::any_of(stages_.begin(), stages_.end(), [](const Stage& stage) {
    return stage.state == StageState::kRunning;
  });
  if (any_runs) return;
  ended_ = true;
  decisions_.end = true;
}

PipelineStages::Decisions PipelineStages::TakeDecisions() { return std::exchange(decisions_, {}); }

}  // namespace quern::mr
