#include "jobs/text/added_tokens.h"

#include "jobs/text/bpe_model.h"

namespace quern::text {

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, bool normalized) {
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    trie_.Add(token.content, static_cast<uint32_t>(tokens_.size()));
    tokens_.push_back({token.id, token.special});
    any_ = any_ || !token.special;
  }
}

std::optional<AddedTokens::Found> AddedTokens::Find(std::string_view text, size_t at) const {
  while (at < text.size()) {
    const size_t bytes = trie_.LongestPrefix(text.substr(at));
    if (bytes == 0) {
      ++at;
      continue;
    }
    const uint32_t place = trie_.value(trie_.Walk(PieceTrie::kRoot, text.substr(at, bytes)));
    if (!tokens_[place].special) return Found{at, at + bytes, tokens_[place].id};
    at += bytes;
  }
  return std::nullopt;
}

}  // namespace quern::text
