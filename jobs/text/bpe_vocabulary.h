// The vocabulary of a byte-level BPE tokeniser, as GPT-2's two files have it: encoder.json gives
// each token its id, vocab.bpe lists the merges, most important first. In both a byte is written as
// one printable character.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::text {

class BpeVocabulary {
 public:
  struct Merge {
    uint32_t rank;  // the least goes first
    uint32_t token;
  };
  static constexpr uint32_t kNoRank = UINT32_MAX;
  // What stands between documents.
  static constexpr std::string_view kEndOfText = "<|endoftext|>";

  // From the contents of encoder.json and vocab.bpe. Throws std::invalid_argument saying what is
  // wrong with them: a byte without a token, a merge of unknown tokens or one whose parts are made
  // only after it.
  BpeVocabulary(std::string_view encoder_json, std::string_view merges);

  uint32_t byte_token(unsigned char byte) const { return byte_tokens_[byte]; }
  // rank is kNoRank when these two do not merge.
  Merge FindMerge(uint32_t left, uint32_t right) const;

  // One more than the greatest id.
  uint32_t size() const { return static_cast<uint32_t>(bytes_.size()); }
  // The bytes that a token stands for; empty for an id that no token has.
  std::string_view bytes(uint32_t token) const {
    return token < bytes_.size() ? std::string_view(bytes_[token]) : std::string_view();
  }
  // The token that stands between documents, "<|endoftext|>", if there is one.
  std::optional<uint32_t> end_of_text() const { return end_of_text_; }

 private:
  struct Slot {
    uint64_t pair = UINT64_MAX;
    Merge merge{};
  };

  void ReadTokens(std::string_view encoder_json);
  void ReadMerges(std::string_view merges);
  size_t SlotOf(uint64_t pair) const;

  uint32_t byte_tokens_[256];
  std::vector<std::string> bytes_;  // by token
  std::vector<Slot> slots_;         // open addressing; a power of two, at most half full
  std::optional<uint32_t> end_of_text_;
};

}  // namespace quern::text
