#include "mapreduce/engine/merger.h"

#include <algorithm>
#include <utility>

#include "mapreduce/engine/index_sort.h"

namespace quern::mr {

Merger::Merger(const std::vector<SortedRun>& runs, WorkSteps* steps)
    : steps_(steps), players_(runs.size()) {
  for (const SortedRun& run : runs) readers_.push_back(std::make_unique<RunReader>(run));
}

bool Merger::Next() {
  if (steps_ != nullptr) steps_->Add();
  if (tree_ != nullptr) {
    Advance(current_);
    // Looking costs as much as some comparisons of each run.
    if (slow_comparisons_ > 4 * players_.size() + 64) FindShared();
    tree_->Replay();
  } else if (!readers_.empty()) {
    for (size_t player = 0; player < readers_.size(); ++player) Advance(player);
    tree_ = std::make_unique<LoserTree<Beats>>(readers_.size(), Beats{this});
  } else {
    return false;
  }
  current_ = tree_->winner();
  return status_.ok() && !players_[current_].ended;
}

void Merger::Advance(size_t player) {
  Player& state = players_[player];
  if (state.ended) return;
  if (readers_[player]->Next()) {
    const std::string_view key = readers_[player]->key();
    if (!shared_.empty() && !key.starts_with(shared_)) [[unlikely]] {
      // At most half of it, so that it takes few steps down to nothing.
      const size_t common = std::min(CommonStart(shared_, key), shared_.size() / 2);
      SetShared(std::string(shared_, 0, common));
    }
    state.prefix = KeyPrefix(key.substr(shared_.size()));
    return;
  }
  // The largest prefix there is, so that only keys with the same one need the slow comparison.
  state = {~uint64_t{0}, true};
  if (status_.ok() && !readers_[player]->status().ok()) {
    status_ = readers_[player]->status();
    failed_run_ = player;
  }
}

void Merger::FindShared() {
  std::string_view common;
  bool first = true;
  for (size_t player = 0; player < players_.size(); ++player) {
    if (players_[player].ended) continue;
    const std::string_view key = readers_[player]->key();
    constexpr size_t kMost = 256;
    common = std::exchange(first, false) ? key.substr(0, kMost)
                                         : common.substr(0, CommonStart(common, key));
  }
  SetShared(common);
  slow_comparisons_ = 0;
}

// The order of the runs stays the same: their prefixes are only taken elsewhere.
void Merger::SetShared(std::string_view start) {
  shared_ = start;
  for (size_t player = 0; player < players_.size(); ++player) {
    if (players_[player].ended) continue;
    const std::string_view key = readers_[player]->key();
    players_[player].prefix = KeyPrefix(key.substr(std::min(shared_.size(), key.size())));
  }
}

bool Merger::BeatsSlow(size_t a, size_t b) {
  if (players_[a].ended || players_[b].ended) {
    return players_[a].ended == players_[b].ended ? a < b : !players_[a].ended;
  }
  ++slow_comparisons_;
  const int order = readers_[a]->key().compare(readers_[b]->key());
  return order != 0 ? order < 0 : a < b;
}

}  // namespace quern::mr
