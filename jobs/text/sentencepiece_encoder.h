// Text to token ids with a SentencePiece model, as the library of that name gives them (Kudo and
// Richardson 2018): of the two types
//
//   unigram   the pieces whose scores have the greatest sum, found from left to right (Viterbi);
//             sums are floats and of equal ones the first is taken, as in its version 0.2.3
//   bpe       neighbours whose union is a piece are joined, the greatest score first, of equal ones
//             the leftmost
//
// Neither takes more than n log n for pieces of a length, whatever the text: the unigram's table
// begins anew where no piece reaches over, and words that came before are remembered where a model
// cuts them independently of each other. Memory is for the longest stretch that is cut as one, up
// to 70 bytes for each byte of it in bpe. An encoder is used by one thread; threads share the
// model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jobs/text/sentencepiece_model.h"
#include "jobs/text/sentencepiece_normalizer.h"

namespace quern::text {

class SentencePieceEncoder {
 public:
  // The model must outlive the encoder. Throws std::invalid_argument as SentencePieceNormalizer.
  explicit SentencePieceEncoder(const SentencePieceModel* model);

  // Appends the tokens of `text`, which are none for an empty one, or one of nothing but blanks.
  void Encode(std::string_view text, std::vector<uint32_t>* tokens);

 private:
  // The best way to a place in the text.
  struct Place {
    float score = 0;
    uint32_t begin = PieceTrie::kNone;  // of the last piece; none: no way has come here
    uint32_t id = 0;
  };
  // A piece of a word that is being joined, in a list of those that are left.
  struct Symbol {
    uint32_t begin;
    uint32_t size;  // 0: joined with one before it
    uint32_t node;  // of the trie
    uint32_t previous;
    uint32_t next;
    bool frozen;  // a piece of the user's, which is joined with none
  };
  // Two neighbours that may join; stale once either has joined with somebody else.
  struct Candidate {
    float score;
    uint32_t left;
    uint32_t right;
    uint32_t size;

    bool operator<(const Candidate& other) const {
      return score != other.score ? score < other.score : left > other.left;
    }
  };
  static constexpr size_t kCachedBytes = 29;
  static constexpr size_t kCachedTokens = 6;
  static constexpr size_t kCacheSlots = 1 << 15;
  // A word and its tokens; of the size of a cache line.
  struct alignas(64) CachedWord {
    uint64_t hash = 0;
    uint8_t bytes = 0;
    uint8_t count = 0;
    char word[kCachedBytes + 1] = {};
    uint32_t tokens[kCachedTokens] = {};
  };
  static_assert(sizeof(CachedWord) == 64);

  void EncodeUnigram();
  void Reach(std::string_view text, size_t at, size_t* end);
  void Offer(size_t begin, size_t end, float score, uint32_t id);
  void KeepSumSmall(size_t at);
  void TakeBest(size_t end);

  void EncodeBpe();
  void EncodeWord(std::string_view word);
  void Join(std::string_view word);
  void Split(std::string_view word);
  void OfferPair(std::string_view word, uint32_t left, uint32_t right);
  void PutJoined(std::string_view piece);
  uint32_t IdOf(std::string_view piece) const;

  // The id of a piece to the tokens: what is unknown as its bytes, or once for a run of it.
  void Put(std::string_view piece, uint32_t id);

  const SentencePieceModel* const model_;
  const SentencePieceNormalizer normalizer_;
  std::string normalized_;
  std::vector<uint32_t>* tokens_ = nullptr;
  bool after_unknown_ = false;

  std::vector<Place> places_;  // from first_ on
  size_t first_ = 0;
  std::vector<Place> way_;

  std::vector<Symbol> symbols_;
  std::vector<Candidate> candidates_;                    // a heap
  std::unordered_map<std::string_view, size_t> halves_;  // unused piece -> size of its left half
  std::vector<std::string_view> to_put_;
  std::vector<CachedWord> cache_;
};

}  // namespace quern::text
