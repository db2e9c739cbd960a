// Merges sorted runs into one sequence: by key, equal keys in the order of the runs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/loser_tree.h"
#include "mapreduce/engine/run_reader.h"
#include "mapreduce/engine/work_steps.h"

namespace quern::mr {

// Used by one thread.
class Merger {
 public:
  // `steps`, if any, counts records.
  explicit Merger(const std::vector<SortedRun>& runs, WorkSteps* steps = nullptr);
  Merger(const Merger&) = delete;
  Merger& operator=(const Merger&) = delete;

  // Moves to the next record; false at the end and on an error.
  bool Next();
  // Valid until the next Next.
  std::string_view key() const { return readers_[current_]->key(); }
  std::string_view value() const { return readers_[current_]->value(); }
  const absl::Status& status() const { return status_; }
  // After an error: number of the run that it came from.
  size_t failed_run() const { return failed_run_; }

 private:
  struct Player {
    uint64_t prefix = 0;  // of the key behind shared_
    bool ended = false;
  };
  struct Beats {
    Merger* merger;
    bool operator()(size_t a, size_t b) const {
      const Player& left = merger->players_[a];
      const Player& right = merger->players_[b];
      return left.prefix != right.prefix ? left.prefix < right.prefix : merger->BeatsSlow(a, b);
    }
  };

  bool BeatsSlow(size_t a, size_t b);
  void Advance(size_t player);
  void FindShared();
  void SetShared(std::string_view start);

  WorkSteps* const steps_;
  std::vector<std::unique_ptr<RunReader>> readers_;
  std::vector<Player> players_;
  std::unique_ptr<LoserTree<Beats>> tree_;  // made by the first Next
  size_t current_ = 0;
  // What the present keys of all runs begin with: in long sorted runs they lie close together, and
  // only what is behind it tells them apart.
  std::string shared_;
  size_t slow_comparisons_ = 0;  // since it was last looked for
  absl::Status status_;
  size_t failed_run_ = 0;
};

}  // namespace quern::mr
