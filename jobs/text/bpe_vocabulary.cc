#include "jobs/text/bpe_vocabulary.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <utility>

namespace quern::text {

namespace {

// Of the filter for each merge.
constexpr size_t kFilterBits = 16;

uint64_t PairOf(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }
uint64_t HashOf(uint64_t pair) { return pair * 0x9e3779b97f4a7c15; }

}  // namespace

std::optional<uint32_t> ByteWithoutToken(const BpeModel& model) {
  bool has_token[256] = {};
  for (uint32_t token = 0; token < model.tokens.size(); ++token) {
    const std::string& bytes = model.tokens[token];
    if (bytes.size() == 1 && !IsOnlyAdded(model, token)) {
      has_token[static_cast<unsigned char>(bytes[0])] = true;
    }
  }
  const bool* const missing = std::find(has_token, has_token + 256, false);
  if (missing == has_token + 256) return std::nullopt;
  return static_cast<uint32_t>(missing - has_token);
}

BpeVocabulary::BpeVocabulary(BpeModel model)
    : model_(std::move(model)),
      added_before_(model_.added, false),
      added_after_(model_.added, true) {
  if (const auto byte = ByteWithoutToken(model_)) {
    throw std::invalid_argument("no token stands for the byte " + std::to_string(*byte));
  }
  for (uint32_t token = 0; token < size(); ++token) {
    const std::string_view bytes = model_.tokens[token];
    if (bytes.empty() || IsOnlyAdded(model_, token)) continue;
    if (bytes.size() == 1) byte_tokens_[static_cast<unsigned char>(bytes[0])] = token;
    if (model_.whole_pieces_first) whole_.emplace(bytes, token);
  }
  TakeMerges();
  TakeByteMerges();
}

void BpeVocabulary::TakeMerges() {
  slots_.resize(std::bit_ceil(2 * model_.merges.size() + 4));
  const uint64_t bits = std::bit_ceil(kFilterBits * (model_.merges.size() + 4));
  filter_.resize(bits / 64);
  filter_shift_ = 64 - std::countr_zero(bits);
  for (const BpeModel::Merge& merge : model_.merges) {
    const uint64_t pair = PairOf(merge.left, merge.right);
    const uint64_t hash = HashOf(pair);
    Slot& slot = slots_[SlotOf(pair, hash)];
    if (slot.pair == UINT64_MAX) slot = {pair, {merge.rank, merge.token}};
    const uint64_t bit = hash >> filter_shift_;
    filter_[bit / 64] |= uint64_t{1} << bit % 64;
  }
  model_.merges = {};
}

// Of half a megabyte the pairs that texts are made of are a few lines in the nearest cache.
void BpeVocabulary::TakeByteMerges() {
  byte_merges_.reserve(256 * 256);
  for (const uint32_t left : byte_tokens_) {
    for (const uint32_t right : byte_tokens_) byte_merges_.push_back(FindMerge(left, right));
  }
}

size_t BpeVocabulary::SlotOf(uint64_t pair, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash >> 32 & mask;
  while (slots_[at].pair != pair && slots_[at].pair != UINT64_MAX) at = (at + 1) & mask;
  return at;
}

BpeVocabulary::Merge BpeVocabulary::FindMerge(uint32_t left, uint32_t right) const {
  const uint64_t pair = PairOf(left, right);
  const uint64_t hash = HashOf(pair);
  if (!MayMerge(hash)) return {kNoRank, 0};
  const Slot& slot = slots_[SlotOf(pair, hash)];
  return slot.pair == UINT64_MAX ? Merge{kNoRank, 0} : slot.merge;
}

std::optional<uint32_t> BpeVocabulary::FindWhole(std::string_view piece) const {
  const auto found = whole_.find(piece);
  return found == whole_.end() ? std::nullopt : std::optional<uint32_t>(found->second);
}

}  // namespace quern::text
