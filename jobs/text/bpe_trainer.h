// Trains a byte-level BPE vocabulary (Sennrich et al. 2016, algorithm 1) and writes it in GPT-2's
// form, for BpeVocabulary.
//
// The commonest pair of neighbours within pieces becomes a token, again and again. Of pairs that
// are equally common the one with the lesser ids goes first, so that the same counts give the same
// vocabulary, in whatever order they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace quern::text {

// Used by one thread. Holds four bytes for each byte of the different pieces, and their pairs.
class BpeTrainer {
 public:
  struct Options {
    // Tokens at most: 256 bytes, merged ones, and <|endoftext|>.
    size_t vocabulary_size = 32'000;
    // Pairs that come less often are no tokens.
    int64_t min_count = 2;
  };
  static constexpr size_t kLeastVocabulary = 257;

  explicit BpeTrainer(Options options);

  // A piece of text (Gpt2Pieces) and how often it comes; each piece once.
  void Add(std::string_view piece, int64_t count);
  // The memory that it takes, more or less. Before Train that is already what training begins with;
  // then it grows with the tokens that are made and with their pairs.
  size_t bytes() const;

  // Once, after the last Add. `progress` gets the number of tokens now and then.
  void Train(const std::function<void(size_t)>& progress);

  // The contents of the two files.
  std::string EncoderJson() const;
  std::string VocabBpe() const;

 private:
  struct Piece {
    std::vector<uint32_t> tokens;
    int64_t count = 0;
  };
  using Pair = uint64_t;  // left id, right id
  struct Candidate {
    int64_t count = 0;
    Pair pair = 0;
    // The commonest last, of equally common ones the lesser pair.
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };
  struct Pairs {
    int64_t count = 0;
    std::vector<uint32_t> pieces;  // that may have it; some several times
  };

  void CountAll();
  void FillCandidates();
  // Adds `sign` times the pairs of a piece.
  void Count(uint32_t piece, int64_t sign, uint32_t new_token);
  void Merge(Pair pair);
  uint32_t TokenOf(const std::string& bytes);
  bool MergeIn(Piece* piece, Pair pair, uint32_t token) const;

  const Options options_;
  std::vector<Piece> pieces_;
  size_t token_bytes_ = 0;  // of the pieces
  size_t listed_ = 0;       // of the lists of pairs, their lengths, or what they are going to be
  std::vector<std::string> bytes_;  // by token
  std::unordered_map<std::string, uint32_t> tokens_;
  std::vector<Pair> merges_;
  std::unordered_map<Pair, Pairs> pairs_;
  std::vector<Pair> changed_;  // by the present merge
  std::priority_queue<Candidate> candidates_;
};

}  // namespace quern::text
