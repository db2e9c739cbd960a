#include "jobs/text/sentencepiece_encoder.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace quern::text {

namespace {

constexpr float kUnknownPenalty = 10;
// A sum that is greater begins at zero again: floats have no room for scores beside it.
constexpr float kGreatSum = 100'000;
constexpr uint32_t kNoSymbol = UINT32_MAX;

// Bytes of the character at text[at] by its first byte alone: pieces are cut so.
size_t CharacterBytes(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return std::min(size, text.size() - at);
}

// More than any other pieces have together, and more for one long piece than for several short
// ones.
float UserDefinedScore(size_t bytes) {
  return static_cast<float>(0.1 * (static_cast<double>(bytes) - 1));
}

}  // namespace

SentencePieceEncoder::SentencePieceEncoder(const SentencePieceModel* model)
    : model_(model),
      normalizer_(model),
      cache_(model->kind() == SentencePieceModel::Kind::kBpe ? kCacheSlots : 0) {}

void SentencePieceEncoder::Encode(std::string_view text, std::vector<uint32_t>* tokens) {
  normalizer_.Normalize(text, &normalized_);
  tokens_ = tokens;
  after_unknown_ = false;
  if (model_->kind() == SentencePieceModel::Kind::kUnigram) {
    EncodeUnigram();
  } else {
    EncodeBpe();
  }
}

void SentencePieceEncoder::Put(std::string_view piece, uint32_t id) {
  const bool unknown = id == model_->unknown();
  if (unknown && model_->byte_fallback()) {
    for (const char c : piece) tokens_->push_back(model_->byte_id(static_cast<unsigned char>(c)));
  } else if (!unknown || !after_unknown_) {
    tokens_->push_back(id);
  }
  after_unknown_ = unknown;
}

// Unigram.

void SentencePieceEncoder::EncodeUnigram() {
  const std::string_view text = normalized_;
  first_ = 0;
  places_.assign(1, {});
  size_t reached = 0;  // by the pieces so far
  for (size_t at = 0; at < text.size(); at += CharacterBytes(text, at)) {
    if (at > first_ && at == reached) TakeBest(at);
    KeepSumSmall(at);
    Reach(text, at, &reached);
  }
  if (!text.empty()) TakeBest(text.size());
}

void SentencePieceEncoder::KeepSumSmall(size_t at) {
  const float sum = places_[at - first_].score;
  if (std::abs(sum) <= kGreatSum) return;
  for (size_t i = at - first_; i < places_.size(); ++i) {
    if (i == at - first_ || places_[i].begin != PieceTrie::kNone) places_[i].score -= sum;
  }
}

// Offers all pieces that begin here.
void SentencePieceEncoder::Reach(std::string_view text, size_t at, size_t* end) {
  const PieceTrie& pieces = model_->pieces();
  const float before = places_[at - first_].score;
  const size_t character_end = at + CharacterBytes(text, at);
  *end = std::max(*end, character_end);
  bool has_character = false;
  uint32_t node = PieceTrie::kRoot;
  for (size_t next = at; next < text.size();) {
    node = pieces.Step(node, text[next++]);
    if (node == PieceTrie::kNone) break;
    const uint32_t id = pieces.value(node);
    if (id == PieceTrie::kNone || model_->type(id) == SentencePieceModel::Type::kUnused) continue;
    const float score = model_->type(id) == SentencePieceModel::Type::kUserDefined
                            ? UserDefinedScore(next - at)
                            : model_->score(id);
    *end = std::max(*end, next);
    Offer(at, next, before + score, id);
    has_character = has_character || next == character_end;
  }
  if (has_character) return;
  const float unknown = model_->least_score() - kUnknownPenalty;
  Offer(at, character_end, before + unknown, model_->unknown());
}

void SentencePieceEncoder::Offer(size_t begin, size_t end, float score, uint32_t id) {
  if (end - first_ >= places_.size()) places_.resize(end - first_ + 1);
  Place& place = places_[end - first_];
  if (place.begin != PieceTrie::kNone && !(score > place.score)) return;
  place = {score, static_cast<uint32_t>(begin), id};
}

// No piece reaches over `end`: what is best before it is decided. The sum goes on.
void SentencePieceEncoder::TakeBest(size_t end) {
  way_.clear();
  for (size_t at = end; at > first_; at = places_[at - first_].begin) {
    way_.push_back(places_[at - first_]);
  }
  size_t begin = first_;
  for (size_t i = way_.size(); i-- > 0;) {
    const size_t piece_end = i == 0 ? end : way_[i - 1].begin;
    Put(std::string_view(normalized_).substr(begin, piece_end - begin), way_[i].id);
    begin = piece_end;
  }
  const float sum = places_[end - first_].score;
  places_.assign(1, {sum, PieceTrie::kNone, 0});
  first_ = end;
}

// BPE.

void SentencePieceEncoder::EncodeBpe() {
  std::string_view rest = normalized_;
  halves_.clear();
  if (!model_->words_apart()) return Join(rest);
  constexpr std::string_view kBlank = SentencePieceModel::kBlank;
  while (!rest.empty()) {
    size_t blanks = 0;
    while (rest.substr(blanks).starts_with(kBlank)) blanks += kBlank.size();
    const size_t size = std::min(rest.find(kBlank, blanks), rest.size());
    EncodeWord(rest.substr(0, size));
    rest.remove_prefix(size);
  }
}

void SentencePieceEncoder::EncodeWord(std::string_view word) {
  if (word.size() > kCachedBytes) return Join(word);
  const uint64_t hash = XXH3_64bits(word.data(), word.size());
  CachedWord& cached = cache_[hash % kCacheSlots];
  if (cached.hash == hash && cached.bytes == word.size() &&
      std::memcmp(cached.word, word.data(), word.size()) == 0) {
    tokens_->insert(tokens_->end(), cached.tokens, cached.tokens + cached.count);
    after_unknown_ = false;
    return;
  }
  const size_t before = tokens_->size();
  const bool after_unknown = after_unknown_;
  Join(word);
  const size_t count = tokens_->size() - before;
  // Runs of what is unknown depend on the words beside them.
  const auto begin = tokens_->begin() + static_cast<std::ptrdiff_t>(before);
  const bool unknown =
      !model_->byte_fallback() &&
      (after_unknown || std::find(begin, tokens_->end(), model_->unknown()) != tokens_->end());
  if (unknown || count > kCachedTokens) return;
  cached.hash = hash;
  cached.bytes = static_cast<uint8_t>(word.size());
  cached.count = static_cast<uint8_t>(count);
  std::memcpy(cached.word, word.data(), word.size());
  std::copy(begin, tokens_->end(), cached.tokens);
}

void SentencePieceEncoder::Join(std::string_view word) {
  if (word.empty()) return;
  Split(word);
  candidates_.clear();
  for (uint32_t i = 1; i < symbols_.size(); ++i) OfferPair(word, i - 1, i);
  while (!candidates_.empty()) {
    std::pop_heap(candidates_.begin(), candidates_.end());
    const Candidate best = candidates_.back();
    candidates_.pop_back();
    Symbol& left = symbols_[best.left];
    Symbol& right = symbols_[best.right];
    if (left.size == 0 || right.size == 0 || left.size + right.size != best.size) continue;
    left.node = model_->pieces().Walk(left.node, word.substr(right.begin, right.size));
    left.size = best.size;
    left.next = right.next;
    right.size = 0;
    if (left.next != kNoSymbol) symbols_[left.next].previous = best.left;
    OfferPair(word, left.previous, best.left);
    OfferPair(word, best.left, left.next);
  }
  for (uint32_t i = 0; i != kNoSymbol; i = symbols_[i].next) {
    PutJoined(word.substr(symbols_[i].begin, symbols_[i].size));
  }
}

// Into characters, and pieces of the user's.
void SentencePieceEncoder::Split(std::string_view word) {
  symbols_.clear();
  for (size_t at = 0; at < word.size();) {
    size_t size = 0;
    if (model_->has_user_defined()) size = model_->user_defined().LongestPrefix(word.substr(at));
    const bool frozen = size > 0;
    if (!frozen) size = CharacterBytes(word, at);
    const auto index = static_cast<uint32_t>(symbols_.size());
    const uint32_t node = model_->pieces().Walk(PieceTrie::kRoot, word.substr(at, size));
    symbols_.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(size), node,
                        index == 0 ? kNoSymbol : index - 1, index + 1, frozen});
    at += size;
  }
  symbols_.back().next = kNoSymbol;
}

void SentencePieceEncoder::OfferPair(std::string_view word, uint32_t left, uint32_t right) {
  if (left == kNoSymbol || right == kNoSymbol) return;
  const Symbol& a = symbols_[left];
  const Symbol& b = symbols_[right];
  if (a.frozen || b.frozen || a.node == PieceTrie::kNone) return;
  const uint32_t node = model_->pieces().Walk(a.node, word.substr(b.begin, b.size));
  const uint32_t id = model_->pieces().value(node);
  if (id == PieceTrie::kNone) return;
  candidates_.push_back({model_->score(id), left, right, a.size + b.size});
  std::push_heap(candidates_.begin(), candidates_.end());
  if (model_->type(id) == SentencePieceModel::Type::kUnused) {
    halves_[word.substr(a.begin, a.size + b.size)] = a.size;
  }
}

// An unused piece as the two that it was made of, and so on.
void SentencePieceEncoder::PutJoined(std::string_view piece) {
  to_put_.assign(1, piece);
  while (!to_put_.empty()) {
    const std::string_view next = to_put_.back();
    to_put_.pop_back();
    const uint32_t id = IdOf(next);
    const auto halves =
        model_->type(id) == SentencePieceModel::Type::kUnused ? halves_.find(next) : halves_.end();
    if (halves == halves_.end()) {
      Put(next, id);
    } else {
      to_put_.push_back(next.substr(halves->second));
      to_put_.push_back(next.substr(0, halves->second));
    }
  }
}

uint32_t SentencePieceEncoder::IdOf(std::string_view piece) const {
  if (const auto reserved = model_->FindReserved(piece)) return *reserved;
  const PieceTrie& pieces = model_->pieces();
  const uint32_t id = pieces.value(pieces.Walk(PieceTrie::kRoot, piece));
  return id == PieceTrie::kNone ? model_->unknown() : id;
}

}  // namespace quern::text
