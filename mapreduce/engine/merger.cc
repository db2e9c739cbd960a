#include "mapreduce/engine/merger.h"

namespace quern::mr {

Merger::Merger(const std::vector<SortedRun>& runs) : players_(runs.size()) {
  for (const SortedRun& run : runs) readers_.push_back(std::make_unique<RunReader>(run));
}

bool Merger::Next() {
  if (tree_ != nullptr) {
    Advance(current_);
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
    state.prefix = KeyPrefix(readers_[player]->key());
    return;
  }
  // The largest prefix there is, so that only keys with the same one need the slow comparison.
  state = {~uint64_t{0}, true};
  if (status_.ok() && !readers_[player]->status().ok()) {
    status_ = readers_[player]->status();
    failed_run_ = player;
  }
}

bool Merger::BeatsSlow(size_t a, size_t b) const {
  if (players_[a].ended || players_[b].ended) {
    return players_[a].ended == players_[b].ended ? a < b : !players_[a].ended;
  }
  const int order = readers_[a]->key().compare(readers_[b]->key());
  return order != 0 ? order < 0 : a < b;
}

}  // namespace quern::mr
