#include "jobs/text/bpe_trainer.h"

#include <algorithm>
#include <utility>

#include "jobs/text/bpe_vocabulary.h"
#include "jobs/text/json.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr uint32_t kNoToken = UINT32_MAX;

// Of memory: a token as a string, twice, and in a table; a pair in a table, and the head of its
// list; a member of such a list, which grows by doubling.
constexpr size_t kTokenBytes = 160;
constexpr size_t kPairBytes = 96;
constexpr size_t kListedBytes = sizeof(uint32_t) * 3 / 2;

// What the C library's allocator takes.
size_t AllocatedBytes(size_t bytes) {
  constexpr size_t kHead = 8;
  constexpr size_t kStep = 16;
  return std::max(2 * kStep, (bytes + kHead + kStep - 1) / kStep * kStep);
}

// Bytes that GPT-2's files write as the character of the same number.
bool IsWrittenPlain(uint32_t byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

// All others follow one another from U+0100 on.
std::vector<uint32_t> Characters() {
  std::vector<uint32_t> characters(256);
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    characters[byte] = IsWrittenPlain(byte) ? byte : next++;
  }
  return characters;
}

std::string Written(std::string_view bytes) {
  static const std::vector<uint32_t> characters = Characters();
  std::string text;
  for (const char c : bytes) AppendUtf8(characters[static_cast<unsigned char>(c)], &text);
  return text;
}

uint64_t JoinPair(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }
uint32_t LeftOf(uint64_t pair) { return static_cast<uint32_t>(pair >> 32); }
uint32_t RightOf(uint64_t pair) { return static_cast<uint32_t>(pair); }

}  // namespace

BpeTrainer::BpeTrainer(Options options) : options_(options) {
  // GPT-2's ids of bytes: the plain ones first.
  for (const bool plain : {true, false}) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if (IsWrittenPlain(byte) == plain) TokenOf(std::string(1, static_cast<char>(byte)));
    }
  }
}

uint32_t BpeTrainer::TokenOf(const std::string& bytes) {
  const auto [found, is_new] = tokens_.emplace(bytes, static_cast<uint32_t>(bytes_.size()));
  if (is_new) bytes_.push_back(bytes);
  return found->second;
}

void BpeTrainer::Add(std::string_view piece, int64_t count) {
  Piece& added = pieces_.emplace_back();
  added.count = count;
  added.tokens.reserve(piece.size());
  for (const char c : piece) added.tokens.push_back(tokens_.at(std::string(1, c)));
  token_bytes_ += AllocatedBytes(piece.size() * sizeof(uint32_t));
  if (!piece.empty()) listed_ += piece.size() - 1;
}

size_t BpeTrainer::bytes() const {
  return pieces_.capacity() * sizeof(Piece) + token_bytes_ + listed_ * kListedBytes +
         pairs_.size() * kPairBytes + bytes_.size() * kTokenBytes +
         candidates_.size() * sizeof(Candidate) + changed_.capacity() * sizeof(Pair);
}

void BpeTrainer::Train(const std::function<void(size_t)>& progress) {
  CountAll();
  while (bytes_.size() + 1 < options_.vocabulary_size && !candidates_.empty()) {
    const Candidate best = candidates_.top();
    candidates_.pop();
    if (best.count != pairs_.at(best.pair).count) continue;  // as it was once
    Merge(best.pair);
    // Most candidates are as they were once.
    if (candidates_.size() > 2 * pairs_.size()) FillCandidates();
    if (merges_.size() % 256 == 0) progress(bytes_.size());
  }
}

void BpeTrainer::CountAll() {
  for (uint32_t i = 0; i < pieces_.size(); ++i) Count(i, 1, kNoToken);
  FillCandidates();
}

void BpeTrainer::FillCandidates() {
  std::vector<Candidate> candidates;
  for (const auto& [pair, found] : pairs_) {
    if (found.count >= options_.min_count) candidates.push_back({found.count, pair});
  }
  candidates_ = std::priority_queue<Candidate>(std::less<Candidate>(), std::move(candidates));
}

// A piece is listed for the pairs that it has not had before: all, which CountAll looks at
// afterwards, or those of the new token.
void BpeTrainer::Count(uint32_t piece, int64_t sign, uint32_t new_token) {
  const Piece& counted = pieces_[piece];
  for (size_t i = 0; i + 1 < counted.tokens.size(); ++i) {
    const uint32_t left = counted.tokens[i];
    const uint32_t right = counted.tokens[i + 1];
    Pairs& pair = pairs_[JoinPair(left, right)];
    pair.count += sign * counted.count;
    if (new_token == kNoToken) {
      pair.pieces.push_back(piece);
      continue;
    }
    changed_.push_back(JoinPair(left, right));
    if (sign < 0 || (left != new_token && right != new_token)) continue;
    pair.pieces.push_back(piece);
    ++listed_;
  }
}

bool BpeTrainer::MergeIn(Piece* piece, Pair pair, uint32_t token) const {
  std::vector<uint32_t>& tokens = piece->tokens;
  size_t out = 0;
  for (size_t in = 0; in < tokens.size(); ++in, ++out) {
    const bool merge =
        in + 1 < tokens.size() && tokens[in] == LeftOf(pair) && tokens[in + 1] == RightOf(pair);
    tokens[out] = merge ? token : tokens[in];
    if (merge) ++in;
  }
  const bool merged = out < tokens.size();
  tokens.resize(out);
  return merged;
}

void BpeTrainer::Merge(Pair pair) {
  merges_.push_back(pair);
  const uint32_t token = TokenOf(bytes_[LeftOf(pair)] + bytes_[RightOf(pair)]);
  const std::vector<uint32_t> touched = std::move(pairs_.at(pair).pieces);
  listed_ -= touched.size();
  changed_.clear();
  for (const uint32_t i : touched) {
    Piece merged = pieces_[i];
    if (!MergeIn(&merged, pair, token)) continue;
    Count(i, -1, token);
    pieces_[i] = std::move(merged);
    Count(i, 1, token);
  }
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  for (const Pair one : changed_) {
    const int64_t count = pairs_.at(one).count;
    if (count >= options_.min_count) candidates_.push({count, one});
  }
}

std::string BpeTrainer::EncoderJson() const {
  JsonObjectWriter json;
  for (size_t token = 0; token < bytes_.size(); ++token) {
    json.AddRaw(Written(bytes_[token]), std::to_string(token));
  }
  json.AddRaw(BpeVocabulary::kEndOfText, std::to_string(bytes_.size()));
  return json.Take();
}

std::string BpeTrainer::VocabBpe() const {
  std::string lines = "#version: 0.2\n";
  for (const Pair pair : merges_) {
    lines += Written(bytes_[LeftOf(pair)]) + " " + Written(bytes_[RightOf(pair)]) + "\n";
  }
  return lines;
}

}  // namespace quern::text
