// The vocabulary of a byte-level BPE tokeniser, ready to encode with: tokens, merges, and what else
// its files say of how a text is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jobs/text/added_tokens.h"
#include "jobs/text/bpe_model.h"

namespace quern::text {

class BpeVocabulary {
 public:
  struct Merge {
    uint32_t rank;  // the least goes first
    uint32_t token;
  };
  static constexpr uint32_t kNoRank = UINT32_MAX;
  // What stands between documents in GPT-2's vocabulary.
  static constexpr std::string_view kEndOfText = "<|endoftext|>";

  // Throws std::invalid_argument when a byte has no token.
  explicit BpeVocabulary(BpeModel model);
  // From the contents of encoder.json and vocab.bpe; throws as ReadGpt2Files.
  BpeVocabulary(std::string_view encoder_json, std::string_view merges)
      : BpeVocabulary(ReadGpt2Files(encoder_json, merges)) {}
  BpeVocabulary(const BpeVocabulary&) = delete;
  BpeVocabulary& operator=(const BpeVocabulary&) = delete;

  uint32_t byte_token(unsigned char byte) const { return byte_tokens_[byte]; }
  // rank is kNoRank when these two do not merge.
  Merge FindMerge(uint32_t left, uint32_t right) const;
  // The same of the tokens of two bytes, with which every piece begins.
  Merge FindByteMerge(unsigned char left, unsigned char right) const {
    return byte_merges_[size_t{left} << 8 | right];
  }
  // The token that a piece is without any merge; nothing where the vocabulary merges all pieces.
  std::optional<uint32_t> FindWhole(std::string_view piece) const;

  // One more than the greatest id.
  uint32_t size() const { return static_cast<uint32_t>(model_.tokens.size()); }
  // The bytes that a token stands for; empty for an id that no token has.
  std::string_view bytes(uint32_t token) const {
    return token < size() ? std::string_view(model_.tokens[token]) : std::string_view();
  }
  // The token that stands between documents, if there is one.
  std::optional<uint32_t> end_of_text() const { return model_.end_of_text; }

  PieceRule pieces() const { return model_.pieces; }
  bool nfc() const { return model_.nfc; }
  // Those that are looked for in a text before it is normalised, and after.
  const AddedTokens& added_before() const { return added_before_; }
  const AddedTokens& added_after() const { return added_after_; }

 private:
  struct Slot {
    uint64_t pair = UINT64_MAX;
    Merge merge{};
  };

  void TakeMerges();
  void TakeByteMerges();
  // Of a pair with its hash.
  size_t SlotOf(uint64_t pair, uint64_t hash) const;
  // False only for pairs that do not merge, which most neighbours in a piece do not: the filter is
  // small enough for a near cache, the slots are not.
  bool MayMerge(uint64_t hash) const {
    const uint64_t bit = hash >> filter_shift_;
    return (filter_[bit / 64] >> bit % 64 & 1) != 0;
  }

  BpeModel model_;  // without its merges
  uint32_t byte_tokens_[256];
  std::vector<Merge> byte_merges_;  // of each byte with each
  std::vector<Slot> slots_;         // open addressing; a power of two, at most half full
  std::vector<uint64_t> filter_;    // a bit for each value that the first bits of a hash may have
  int filter_shift_ = 0;
  std::unordered_map<std::string_view, uint32_t> whole_;
  AddedTokens added_before_;
  AddedTokens added_after_;
};

}  // namespace quern::text
