#include "jobs/text/sentencepiece_normalizer.h"

#include <stdexcept>

#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

uint32_t NumberAt(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) {
    number |= uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return number;
}

// A unit of the trie.
bool HasLeaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t ValueOf(uint32_t unit) { return unit & 0x7fffffff; }
uint32_t LabelOf(uint32_t unit) { return unit & 0x800000ff; }
uint32_t OffsetOf(uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

}  // namespace

SentencePieceNormalizer::SentencePieceNormalizer(const SentencePieceModel* model)
    : model_(model),
      rules_(model->normalization()),
      blank_(rules_.escape_whitespaces ? SentencePieceModel::kBlank : " ") {
  const std::string_view map = rules_.charsmap;
  if (map.empty()) return;
  const size_t trie_bytes = map.size() < 8 ? 0 : NumberAt(map, 0);
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes >= map.size() - 4 ||
      map.back() != '\0') {
    throw std::invalid_argument("has damaged replacements of characters (precompiled_charsmap)");
  }
  units_.reserve(trie_bytes / 4);
  for (size_t at = 4; at < 4 + trie_bytes; at += 4) units_.push_back(NumberAt(map, at));
  replacements_ = map.substr(4 + trie_bytes);
}

void SentencePieceNormalizer::Normalize(std::string_view text, std::string* normalized) const {
  normalized->clear();
  const bool squeeze = rules_.remove_extra_whitespaces;
  if (squeeze) text = SkipBlanks(text);
  if (text.empty()) return;
  if (!rules_.whitespace_is_suffix && rules_.add_dummy_prefix) *normalized += blank_;

  bool after_blank = squeeze;
  while (!text.empty()) {
    auto [piece, size] = StepAt(text);
    while (after_blank && piece.starts_with(' ')) piece.remove_prefix(1);
    if (!piece.empty()) {
      Append(piece, normalized);
      after_blank = squeeze && piece.ends_with(' ');
    }
    text.remove_prefix(size);
  }
  while (squeeze && normalized->ends_with(blank_))
    normalized->resize(normalized->size() - blank_.size());
  if (rules_.whitespace_is_suffix && rules_.add_dummy_prefix) *normalized += blank_;
}

std::string_view SentencePieceNormalizer::SkipBlanks(std::string_view text) const {
  while (!text.empty()) {
    const Step step = StepAt(text);
    if (step.replacement != " ") break;
    text.remove_prefix(step.size);
  }
  return text;
}

SentencePieceNormalizer::Step SentencePieceNormalizer::StepAt(std::string_view text) const {
  if (model_->has_user_defined()) {
    const size_t size = model_->user_defined().LongestPrefix(text);
    if (size > 0) return {text.substr(0, size), size};
  }
  if (!units_.empty()) {
    const Step step = Replacement(text);
    if (step.size > 0) return step;
  }
  const Character character = CharacterAt(text, 0);
  if (character.code == kBadByte) return {"\xef\xbf\xbd", 1};
  return {text.substr(0, character.size), character.size};
}

SentencePieceNormalizer::Step SentencePieceNormalizer::Replacement(std::string_view text) const {
  size_t longest = 0;
  uint32_t value = 0;
  uint32_t at = OffsetOf(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    if (at >= units_.size() || LabelOf(units_[at]) != byte) break;
    const bool has_leaf = HasLeaf(units_[at]);
    at ^= OffsetOf(units_[at]);
    if (!has_leaf || at >= units_.size()) continue;
    longest = i + 1;
    value = ValueOf(units_[at]);
  }
  if (longest == 0 || value >= replacements_.size()) return {"", 0};
  const std::string_view found = replacements_.substr(value);
  return {found.substr(0, found.find('\0')), longest};
}

void SentencePieceNormalizer::Append(std::string_view piece, std::string* normalized) const {
  for (const char c : piece) {
    if (c == ' ') {
      *normalized += blank_;
    } else {
      *normalized += c;
    }
  }
}

}  // namespace quern::text
