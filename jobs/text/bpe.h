// Byte-level BPE: text to token ids, as GPT-2 does it (Sennrich et al. 2016; Radford et al. 2019).
//
// Text is cut into pieces by the vocabulary's rule (piece_rule.h); within each the pair of
// neighbours with the least rank is merged again and again, the leftmost first. Every byte string
// has tokens, and they give it back byte for byte, unless the vocabulary wants it in NFC, or has
// an added token that is written as what stands for other bytes ("\u0120" for a blank).
// Most pieces of a text are words that came before: their tokens are remembered in a table of fixed
// size. An encoder is used by one thread; threads share the vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/bpe_vocabulary.h"

namespace quern::text {

class BpeEncoder {
 public:
  // The vocabulary must outlive the encoder.
  explicit BpeEncoder(const BpeVocabulary* vocabulary);

  // Appends the tokens of `text`. Takes time n log n at worst, whatever the text.
  void Encode(std::string_view text, std::vector<uint32_t>* tokens);

  // The bytes that tokens stand for; ids without a token stand for none.
  std::string Decode(const std::vector<uint32_t>& tokens) const;

 private:
  static constexpr size_t kCachedBytes = 29;
  static constexpr size_t kCachedTokens = 6;
  static constexpr size_t kCacheSlots = 1 << 15;
  // A word and its tokens; of the size of a cache line.
  struct alignas(64) CachedPiece {
    uint64_t hash = 0;
    uint8_t bytes = 0;
    uint8_t count = 0;
    char word[kCachedBytes + 1] = {};
    uint32_t tokens[kCachedTokens] = {};
  };
  static_assert(sizeof(CachedPiece) == 64);

  // With what is looked for in the table; 0 of one that is not in it for its length.
  struct Hashed {
    std::string_view piece;
    uint64_t hash = 0;
  };

  // Text between tokens that are added, before it is normalised, after that, and without any.
  void EncodeRaw(std::string_view text, std::vector<uint32_t>* tokens);
  void EncodeNormal(std::string_view text, std::vector<uint32_t>* tokens);
  void EncodePieces(std::string_view text, std::vector<uint32_t>* tokens);
  template <typename Pieces>
  void EncodeEach(Pieces pieces, std::vector<uint32_t>* tokens);
  void EncodePiece(const Hashed& hashed, std::vector<uint32_t>* tokens);
  void Merge(std::string_view piece, std::vector<uint32_t>* tokens) const;
  void MergeShort(std::string_view piece, std::vector<uint32_t>* tokens) const;
  void MergeLong(std::string_view piece, std::vector<uint32_t>* tokens) const;

  const BpeVocabulary* const vocabulary_;
  std::vector<CachedPiece> cache_;  // empty before the first text
};

}  // namespace quern::text
