#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <stdexcept>

#include "jobs/text/bpe_model.h"
#include "jobs/text/bpe_vocabulary.h"
#include "jobs/text/byte_characters.h"
#include "jobs/text/json.h"

namespace quern::text {

namespace {

[[noreturn]] void FailEncoder(const std::string& why) {
  throw std::invalid_argument("encoder.json: " + why);
}

[[noreturn]] void FailMerge(size_t line, std::string_view text, const std::string& why) {
  throw std::invalid_argument("vocab.bpe: line " + std::to_string(line) + " '" +
                              std::string(text.substr(0, 100)) + "': " + why);
}

void ReadTokens(std::string_view encoder_json, BpeModel* model) {
  const auto fields = ReadJsonObject(encoder_json);
  if (!fields.has_value()) FailEncoder("is no JSON object of tokens and ids");
  for (const JsonField& field : *fields) {
    uint32_t token = 0;
    const char* const end = field.value.data() + field.value.size();
    const auto [last, error] = std::from_chars(field.value.data(), end, token);
    if (error != std::errc() || last != end || token >= kMaxBpeTokens) {
      FailEncoder("the id of '" + field.name + "' is no number below " +
                  std::to_string(kMaxBpeTokens));
    }
    if (token >= model->tokens.size()) model->tokens.resize(token + 1);
    std::string& bytes = model->tokens[token];
    if (!bytes.empty()) FailEncoder("two tokens have the id " + std::to_string(token));
    if (field.name == BpeVocabulary::kEndOfText) model->end_of_text = token;
    const auto written = BytesOfCharacters(field.name);
    bytes = written.value_or(field.name);
    if (written.has_value()) continue;
    // Special tokens may hold any characters, and no text makes them.
    model->only_added.resize(model->tokens.size());
    model->only_added[token] = true;
  }
  if (const auto byte = ByteWithoutToken(*model)) {
    FailEncoder("no token stands for the byte " + std::to_string(*byte));
  }
}

// Tokens that text makes by their bytes, of a model that does not change meanwhile. A merge is
// three looks at it, each of one line of the table and one of the token: half of what reading a
// vocabulary takes.
class TokenTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit TokenTable(const BpeModel& model)
      : tokens_(model.tokens), slots_(std::bit_ceil(2 * tokens_.size() + 2)) {
    // Of equal ones the first counts.
    for (uint32_t token = 0; token < tokens_.size(); ++token) {
      if (IsOnlyAdded(model, token)) continue;
      const uint64_t hash = HashOf(tokens_[token]);
      Slot& slot = slots_[Find(hash, tokens_[token])];
      if (slot.token == kNone) slot = {static_cast<uint32_t>(hash >> 32), token};
    }
  }

  // kNone when there is none.
  uint32_t TokenOf(std::string_view bytes) const {
    return slots_[Find(HashOf(bytes), bytes)].token;
  }

 private:
  struct Slot {
    uint32_t hash = 0;  // its upper half
    uint32_t token = kNone;
  };

  static uint64_t HashOf(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
  size_t Find(uint64_t hash, std::string_view bytes) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at].token != kNone &&
           (slots_[at].hash != hash >> 32 || tokens_[slots_[at].token] != bytes)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  const std::vector<std::string>& tokens_;
  std::vector<Slot> slots_;  // open addressing; a power of two, at most half full
};

class MergesReader {
 public:
  explicit MergesReader(BpeModel* model)
      : model_(model), token_of_(*model), is_made_(model->tokens.size()) {
    for (uint32_t token = 0; token < model->tokens.size(); ++token) {
      if (!IsOnlyAdded(*model, token)) is_made_[token] = model->tokens[token].size() == 1;
    }
  }

  void ReadLine(size_t line, std::string_view text) {
    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos) FailMerge(line, text, "is no two tokens");
    const auto left = BytesOfCharacters(text.substr(0, blank));
    const auto right = BytesOfCharacters(text.substr(blank + 1));
    if (!left || !right || left->empty() || right->empty()) {
      FailMerge(line, text, "is no two tokens");
    }
    const uint32_t a = token_of_.TokenOf(*left);
    const uint32_t b = token_of_.TokenOf(*right);
    const uint32_t both = token_of_.TokenOf(*left + *right);
    if (a == TokenTable::kNone || b == TokenTable::kNone || both == TokenTable::kNone) {
      FailMerge(line, text, "one of the two or what they make has no id in encoder.json");
    }
    if (!is_made_[a] || !is_made_[b]) {
      FailMerge(line, text, "one of the two is made only by a later line");
    }
    is_made_[both] = true;
    const auto rank = static_cast<uint32_t>(model_->merges.size());
    model_->merges.push_back({a, b, rank, both});
  }

 private:
  BpeModel* const model_;
  const TokenTable token_of_;
  std::vector<bool> is_made_;
};

}  // namespace

BpeModel ReadGpt2Files(std::string_view encoder_json, std::string_view merges) {
  BpeModel model;
  ReadTokens(encoder_json, &model);
  MergesReader reader(&model);
  for (size_t line = 1; !merges.empty(); ++line) {
    const size_t end = std::min(merges.find('\n'), merges.size());
    std::string_view text = merges.substr(0, end);
    merges.remove_prefix(std::min(end + 1, merges.size()));
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.empty() || (line == 1 && text.starts_with("#version"))) continue;
    reader.ReadLine(line, text);
  }
  return model;
}

}  // namespace quern::text
