// The stages of one pipeline: what runs, what waits for what, and when all is over.
//
// Events in, decisions out. A stage runs its first round as soon as everything that it reads has
// ended; one that repeats runs the next when one has succeeded, until its condition holds. Events
// may come twice or late: only those about the round that a stage is in change anything, so that
// replaying them from a journal gives the same state. No locks; `now` is only noted.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace quern::mr {

struct StageRule {
  std::string name = {};           // for whoever reads why the pipeline has failed
  std::vector<size_t> reads = {};  // what has to end before it begins; never itself
  bool repeats = false;
  uint32_t max_rounds = 1;
  // Rounds one after another for which its condition must hold.
  uint32_t in_a_row = 1;
  // Reaching max_rounds without that is a failure.
  bool fail_at_max = false;
};

enum class StageState : uint8_t {
  kWaiting,
  kRunning,
  kDone,
  kReused,     // of an earlier run
  kNotNeeded,  // nobody reads it again
  kFailed,
  kStopped,
};

class PipelineStages {
 public:
  // Rounds of a stage, from 1.
  struct Round {
    size_t stage = 0;
    uint32_t round = 0;
    auto operator<=>(const Round&) const = default;
  };
  struct Stage {
    StageState state = StageState::kWaiting;
    uint32_t rounds = 0;   // that have succeeded
    uint32_t settled = 0;  // of these the last ones for which the condition held
    absl::Time started = absl::InfiniteFuture();
    absl::Time finished = absl::InfiniteFuture();
  };
  struct Decisions {
    std::vector<Round> run;
    // Of these the outcome is still wanted.
    std::vector<Round> stop;
    // Outputs that nobody reads any more.
    std::vector<Round> drop;
    // Nothing runs any more and nothing will: once.
    bool end = false;
    bool operator==(const Decisions&) const = default;
  };

  explicit PipelineStages(std::vector<StageRule> rules);

  // Before Start: what earlier runs have spared this one.
  void Reuse(size_t stage) { stages_[stage].state = StageState::kReused; }
  void Spare(size_t stage) { stages_[stage].state = StageState::kNotNeeded; }
  // The stage goes on after so many rounds. After max_rounds of them it fails when it begins.
  void Continue(size_t stage, uint32_t rounds, uint32_t settled);

  void Start(absl::Time now);
  // `holds`: its condition, after this round.
  void RoundSucceeded(const Round& round, bool holds, absl::Time now);
  // The pipeline is over when its other stages have been stopped. `reason` is kept if it is the
  // first.
  void RoundFailed(const Round& round, std::string reason, absl::Time now);
  // As Doom wanted it; without that it is a failure.
  void RoundStopped(const Round& round, absl::Time now);
  // Somebody wants it to end. Nothing new begins.
  void Doom(std::string reason, absl::Time now);

  // What has been decided since the last call.
  Decisions TakeDecisions();

  size_t size() const { return stages_.size(); }
  const Stage& stage(size_t i) const { return stages_[i]; }
  // The rounds that run, by stage.
  std::vector<Round> running() const;
  bool IsRunning(const Round& round) const;
  bool doomed() const { return doomed_; }
  bool failed() const;
  // Of the first failure, or of Doom.
  const std::string& reason() const { return reason_; }
  // TakeDecisions has said, or will say, that it has ended.
  bool ended() const { return ended_; }

 private:
  bool IsOver(size_t stage) const;
  void Run(size_t stage);
  void End(size_t stage, StageState state, absl::Time now);
  void Fail(size_t stage, std::string reason, absl::Time now);
  void FailAtMax(size_t stage, absl::Time now);
  void Dispatch(absl::Time now);

  const std::vector<StageRule> rules_;
  std::vector<Stage> stages_;
  bool started_ = false;
  bool doomed_ = false;
  bool ended_ = false;
  std::string reason_;
  Decisions decisions_;
};

}  // namespace quern::mr
