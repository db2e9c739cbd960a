#include "jobs/text/bpe_vocabulary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <stdexcept>
#include <unordered_map>

#include "jobs/text/json.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr uint32_t kMaxTokens = 1 << 24;

bool IsWrittenAsItself(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

// Characters of the files -> bytes: printable Latin-1 stands for itself, the other 68 bytes in
// order for U+0100 and following.
std::unordered_map<uint32_t, unsigned char> MakeByteOfCharacter() {
  std::unordered_map<uint32_t, unsigned char> byte_of;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    byte_of[IsWrittenAsItself(byte) ? byte : next++] = static_cast<unsigned char>(byte);
  }
  return byte_of;
}

// The bytes that a token's characters stand for; nothing when one of them stands for none.
std::optional<std::string> BytesOf(std::string_view token) {
  static const std::unordered_map<uint32_t, unsigned char> byte_of = MakeByteOfCharacter();
  std::string bytes;
  for (size_t at = 0; at < token.size();) {
    const Character character = CharacterAt(token, at);
    const auto found = byte_of.find(character.code);
    if (found == byte_of.end()) return std::nullopt;
    bytes.push_back(static_cast<char>(found->second));
    at += character.size;
  }
  return bytes;
}

[[noreturn]] void FailEncoder(const std::string& why) {
  throw std::invalid_argument("encoder.json: " + why);
}

[[noreturn]] void FailMerge(size_t line, std::string_view text, const std::string& why) {
  throw std::invalid_argument("vocab.bpe: line " + std::to_string(line) + " '" +
                              std::string(text.substr(0, 100)) + "': " + why);
}

uint64_t PairOf(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }

}  // namespace

BpeVocabulary::BpeVocabulary(std::string_view encoder_json, std::string_view merges) {
  ReadTokens(encoder_json);
  ReadMerges(merges);
}

void BpeVocabulary::ReadTokens(std::string_view encoder_json) {
  const auto fields = ReadJsonObject(encoder_json);
  if (!fields.has_value()) FailEncoder("is no JSON object of tokens and ids");
  std::fill_n(byte_tokens_, 256, UINT32_MAX);
  for (const JsonField& field : *fields) {
    uint32_t token = 0;
    const char* const end = field.value.data() + field.value.size();
    const auto [last, error] = std::from_chars(field.value.data(), end, token);
    if (error != std::errc() || last != end || token >= kMaxTokens) {
      FailEncoder("the id of '" + field.name + "' is no number below " +
                  std::to_string(kMaxTokens));
    }
    if (token >= bytes_.size()) bytes_.resize(token + 1);
    if (!bytes_[token].empty()) FailEncoder("two tokens have the id " + std::to_string(token));
    if (field.name == kEndOfText) end_of_text_ = token;
    // Special tokens may hold any characters.
    bytes_[token] = BytesOf(field.name).value_or(field.name);
    if (bytes_[token].size() == 1)
      byte_tokens_[static_cast<unsigned char>(bytes_[token][0])] = token;
  }
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (byte_tokens_[byte] == UINT32_MAX) {
      FailEncoder("no token stands for the byte " + std::to_string(byte));
    }
  }
}

void BpeVocabulary::ReadMerges(std::string_view merges) {
  std::unordered_map<std::string_view, uint32_t> token_of;
  for (uint32_t token = 0; token < size(); ++token) token_of.emplace(bytes_[token], token);
  std::vector<bool> is_made(size());
  for (const uint32_t token : byte_tokens_) is_made[token] = true;
  const auto lines = static_cast<size_t>(std::count(merges.begin(), merges.end(), '\n'));
  slots_.resize(std::bit_ceil(2 * lines + 4));

  uint32_t rank = 0;
  for (size_t line = 1; !merges.empty(); ++line) {
    const size_t end = std::min(merges.find('\n'), merges.size());
    std::string_view text = merges.substr(0, end);
    merges.remove_prefix(std::min(end + 1, merges.size()));
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty() || (line == 1 && text.starts_with("#version"))) continue;

    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos) FailMerge(line, text, "is no two tokens");
    const auto left = BytesOf(text.substr(0, blank));
    const auto right = BytesOf(text.substr(blank + 1));
    if (!left || !right || left->empty() || right->empty()) {
      FailMerge(line, text, "is no two tokens");
    }
    const auto a = token_of.find(*left);
    const auto b = token_of.find(*right);
    const auto both = token_of.find(*left + *right);
    if (a == token_of.end() || b == token_of.end() || both == token_of.end()) {
      FailMerge(line, text, "one of the two or what they make has no id in encoder.json");
    }
    if (!is_made[a->second] || !is_made[b->second]) {
      FailMerge(line, text, "one of the two is made only by a later line");
    }
    is_made[both->second] = true;
    Slot& slot = slots_[SlotOf(PairOf(a->second, b->second))];
    if (slot.pair == UINT64_MAX) slot = {PairOf(a->second, b->second), {rank, both->second}};
    ++rank;
  }
}

size_t BpeVocabulary::SlotOf(uint64_t pair) const {
  const size_t mask = slots_.size() - 1;
  size_t at = (pair * 0x9e3779b97f4a7c15) >> 32 & mask;
  while (slots_[at].pair != pair && slots_[at].pair != UINT64_MAX) at = (at + 1) & mask;
  return at;
}

BpeVocabulary::Merge BpeVocabulary::FindMerge(uint32_t left, uint32_t right) const {
  const Slot& slot = slots_[SlotOf(PairOf(left, right))];
  return slot.pair == UINT64_MAX ? Merge{kNoRank, 0} : slot.merge;
}

}  // namespace quern::text
