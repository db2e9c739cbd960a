#include "jobs/text/bpe.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <queue>
#include <tuple>

#include "jobs/text/cl100k_pieces.h"
#include "jobs/text/fold.h"
#include "jobs/text/gpt2_pieces.h"
#include "jobs/text/o200k_pieces.h"

namespace quern::text {

namespace {

// Up to here looking at all pairs for each merge is quicker than a heap.
constexpr size_t kShortPiece = 64;
constexpr uint32_t kNoPart = UINT32_MAX;

// A token of a piece that is being merged, in a list of those that are left.
struct Part {
  uint32_t token;
  uint32_t previous;
  uint32_t next;
};

// Two neighbours that may merge; stale once either has merged with somebody else.
struct Candidate {
  uint32_t rank;
  uint32_t left;  // index of the part
  uint32_t left_token;
  uint32_t right_token;
  uint32_t merged;

  bool operator>(const Candidate& other) const {
    return std::tie(rank, left) > std::tie(other.rank, other.left);
  }
};

// Calls `encode` for what stands between the added tokens of a text.
template <typename EncodeRest>
void EncodeAround(const AddedTokens& added, std::string_view text, std::vector<uint32_t>* tokens,
                  EncodeRest encode) {
  size_t at = 0;
  while (!added.empty()) {
    const auto found = added.Find(text, at);
    if (!found.has_value()) break;
    if (found->begin > at) encode(text.substr(at, found->begin - at));
    tokens->push_back(found->token);
    at = found->end;
  }
  if (at < text.size()) encode(text.substr(at));
}

}  // namespace

BpeEncoder::BpeEncoder(const BpeVocabulary* vocabulary) : vocabulary_(vocabulary) {}

void BpeEncoder::Encode(std::string_view text, std::vector<uint32_t>* tokens) {
  if (cache_.empty()) cache_.resize(kCacheSlots);
  EncodeAround(vocabulary_->added_before(), text, tokens,
               [&](std::string_view rest) { EncodeRaw(rest, tokens); });
}

void BpeEncoder::EncodeRaw(std::string_view text, std::vector<uint32_t>* tokens) {
  if (!vocabulary_->nfc()) return EncodeNormal(text, tokens);
  EncodeNormal(ToNfc(text), tokens);
}

void BpeEncoder::EncodeNormal(std::string_view text, std::vector<uint32_t>* tokens) {
  EncodeAround(vocabulary_->added_after(), text, tokens,
               [&](std::string_view rest) { EncodePieces(rest, tokens); });
}

void BpeEncoder::EncodePieces(std::string_view text, std::vector<uint32_t>* tokens) {
  switch (vocabulary_->pieces()) {
    case PieceRule::kGpt2:
      return EncodeEach(Gpt2Pieces(text), tokens);
    case PieceRule::kCl100k:
      return EncodeEach(Cl100kPieces(text, {.last_blanks_whole = true}), tokens);
    case PieceRule::kLlama3:
      return EncodeEach(Cl100kPieces(text, {}), tokens);
    case PieceRule::kQwen2:
      return EncodeEach(Cl100kPieces(text, {.digits = 1}), tokens);
    case PieceRule::kO200k:
      return EncodeEach(O200kPieces(text), tokens);
  }
}

// The table of pieces is larger than the nearer caches: while the line of one is on its way the
// next ones are cut.
template <typename Pieces>
void BpeEncoder::EncodeEach(Pieces pieces, std::vector<uint32_t>* tokens) {
  constexpr size_t kAhead = 8;
  Hashed ahead[kAhead];
  for (size_t count = kAhead; count == kAhead;) {
    for (count = 0; count < kAhead; ++count) {
      const std::string_view piece = pieces.Next();
      if (piece.empty()) break;
      const bool cached = piece.size() > 1 && piece.size() <= kCachedBytes;
      ahead[count] = {piece, cached ? XXH3_64bits(piece.data(), piece.size()) : 0};
      if (cached) __builtin_prefetch(&cache_[ahead[count].hash % kCacheSlots]);
    }
    for (size_t i = 0; i < count; ++i) EncodePiece(ahead[i], tokens);
  }
}

std::string BpeEncoder::Decode(const std::vector<uint32_t>& tokens) const {
  std::string text;
  for (const uint32_t token : tokens) text += vocabulary_->bytes(token);
  return text;
}

void BpeEncoder::EncodePiece(const Hashed& hashed, std::vector<uint32_t>* tokens) {
  const auto [piece, hash] = hashed;
  if (piece.size() == 1) {
    return tokens->push_back(vocabulary_->byte_token(static_cast<unsigned char>(piece[0])));
  }
  if (piece.size() > kCachedBytes) return Merge(piece, tokens);
  CachedPiece& cached = cache_[hash % kCacheSlots];
  if (cached.hash == hash && cached.bytes == piece.size() &&
      std::memcmp(cached.word, piece.data(), piece.size()) == 0) {
    for (size_t i = 0; i < cached.count; ++i) tokens->push_back(cached.tokens[i]);
    return;
  }
  const size_t before = tokens->size();
  Merge(piece, tokens);
  const size_t count = tokens->size() - before;
  if (count > kCachedTokens) return;
  cached.hash = hash;
  cached.bytes = static_cast<uint8_t>(piece.size());
  cached.count = static_cast<uint8_t>(count);
  std::memcpy(cached.word, piece.data(), piece.size());
  std::copy_n(tokens->data() + before, count, cached.tokens);
}

void BpeEncoder::Merge(std::string_view piece, std::vector<uint32_t>* tokens) const {
  if (const auto whole = vocabulary_->FindWhole(piece)) return tokens->push_back(*whole);
  piece.size() > kShortPiece ? MergeLong(piece, tokens) : MergeShort(piece, tokens);
}

void BpeEncoder::MergeShort(std::string_view piece, std::vector<uint32_t>* tokens) const {
  uint32_t parts[kShortPiece];
  BpeVocabulary::Merge merges[kShortPiece];  // of each part with the next
  size_t count = piece.size();
  const auto byte = [piece](size_t i) { return static_cast<unsigned char>(piece[i]); };
  for (size_t i = 0; i < count; ++i) {
    parts[i] = vocabulary_->byte_token(byte(i));
    if (i + 1 < count) merges[i] = vocabulary_->FindByteMerge(byte(i), byte(i + 1));
  }
  merges[count - 1] = {BpeVocabulary::kNoRank, 0};
  const auto look_up = [&](size_t i) {
    merges[i] = i + 1 < count ? vocabulary_->FindMerge(parts[i], parts[i + 1])
                              : BpeVocabulary::Merge{BpeVocabulary::kNoRank, 0};
  };
  while (true) {
    size_t best = 0;
    for (size_t i = 1; i < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == BpeVocabulary::kNoRank) break;
    parts[best] = merges[best].token;
    --count;
    for (size_t i = best + 1; i < count; ++i) {
      parts[i] = parts[i + 1];
      merges[i] = merges[i + 1];
    }
    look_up(best);
    if (best > 0) look_up(best - 1);
  }
  tokens->insert(tokens->end(), parts, parts + count);
}

void BpeEncoder::MergeLong(std::string_view piece, std::vector<uint32_t>* tokens) const {
  std::vector<Part> parts(piece.size());
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto propose = [&](uint32_t left) {
    if (left == kNoPart || parts[left].next == kNoPart) return;
    const uint32_t right_token = parts[parts[left].next].token;
    const auto merge = vocabulary_->FindMerge(parts[left].token, right_token);
    if (merge.rank == BpeVocabulary::kNoRank) return;
    candidates.push({merge.rank, left, parts[left].token, right_token, merge.token});
  };
  const auto last = static_cast<uint32_t>(piece.size() - 1);
  for (uint32_t i = 0; i <= last; ++i) {
    const uint32_t token = vocabulary_->byte_token(static_cast<unsigned char>(piece[i]));
    parts[i] = {token, i == 0 ? kNoPart : i - 1, i == last ? kNoPart : i + 1};
  }
  for (uint32_t i = 0; i < last; ++i) propose(i);
  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Part& left = parts[best.left];
    if (left.token != best.left_token || left.next == kNoPart) continue;
    Part& right = parts[left.next];
    if (right.token != best.right_token) continue;
    left.token = best.merged;
    left.next = right.next;
    right.token = kNoPart;  // no token: proposals that start here are stale
    if (left.next != kNoPart) parts[left.next].previous = best.left;
    propose(left.previous);
    propose(best.left);
  }
  for (uint32_t i = 0; i != kNoPart; i = parts[i].next) tokens->push_back(parts[i].token);
}

}  // namespace quern::text
