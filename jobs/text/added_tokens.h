// Strings that are tokens wherever they stand in a text, such as <tool_call> in Qwen's vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "jobs/text/piece_trie.h"

namespace quern::text {

struct AddedToken;

// Filled by one thread, then read by any number.
class AddedTokens {
 public:
  struct Found {
    size_t begin = 0;
    size_t end = 0;
    uint32_t token = 0;
  };

  // Of `tokens` those that are `normalized`, or those that are not.
  AddedTokens(const std::vector<AddedToken>& tokens, bool normalized);

  // Whether there is any that a text can have.
  bool empty() const { return !any_; }
  // The first at `at` or behind it, the longest of those that begin together; nothing when there
  // is none. A special one is no find, and nothing that begins inside of it is one either
  // (tokenizers, AddedVocabulary with encode_special_tokens).
  std::optional<Found> Find(std::string_view text, size_t at) const;

 private:
  PieceTrie trie_;  // values: places in tokens_
  struct Token {
    uint32_t id = 0;
    bool special = false;
  };
  std::vector<Token> tokens_;
  bool any_ = false;
};

}  // namespace quern::text
