// A tournament over k sequences that finds the next winner with log2(k) comparisons (Knuth, The Art
// of Computer Programming, volume 3, section 5.4.1).
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace quern::mr {

// Inner nodes hold the losers of their games, so that a replay compares the new player only with
// those on its path to the root.
// `Beats(a, b)` says whether player a wins against player b; it must be a strict total order.
template <typename Beats>
class LoserTree {
 public:
  // Plays all games among players 0..players-1. At least one player.
  LoserTree(size_t players, Beats beats) : players_(players), beats_(std::move(beats)) {
    losers_.resize(players);
    winner_ = Play(1);
  }

  size_t winner() const { return winner_; }

  // The winner has changed its value (or has nothing more and loses to everyone).
  void Replay() {
    size_t player = winner_;
    for (size_t node = (players_ + player) / 2; node > 0; node /= 2) {
      if (beats_(losers_[node], player)) std::swap(losers_[node], player);
    }
    winner_ = player;
  }

 private:
  // Leaves are the nodes from players_ on, as in a binary heap. Returns the winner below `node`.
  size_t Play(size_t node) {
    if (node >= players_) return node - players_;
    const size_t left = Play(2 * node);
    const size_t right = Play(2 * node + 1);
    const bool left_wins = beats_(left, right);
    losers_[node] = left_wins ? right : left;
    return left_wins ? left : right;
  }

  const size_t players_;
  Beats beats_;
  std::vector<size_t> losers_;  // [0] is unused
  size_t winner_ = 0;
};

}  // namespace quern::mr
