// A file of tiktoken: https://github.com/openai/tiktoken, load_tiktoken_bpe.
#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "jobs/text/bpe_model.h"

namespace quern::text {

namespace {

constexpr size_t kShownLineBytes = 100;
// Each token is cut at each of its places and both sides are looked up, which is the square of its
// bytes. The longest of cl100k_base is a run of 128 blanks.
constexpr size_t kMaxTokenBytes = 1'000;

[[noreturn]] void FailLine(size_t line, std::string_view text, const std::string& why) {
  throw std::invalid_argument("line " + std::to_string(line) + " '" +
                              std::string(text.substr(0, kShownLineBytes)) + "': " + why);
}

// What stands between documents in the vocabularies that people publish, which are known by how
// they cut text and how many tokens they have. It is in none of the files.
struct KnownEnd {
  PieceRule pieces;
  size_t tokens;
  uint32_t end_of_text;
};
constexpr KnownEnd kKnownEnds[] = {
    {PieceRule::kGpt2, 50'256, 50'256},      // r50k_base
    {PieceRule::kCl100k, 100'256, 100'257},  // cl100k_base
    {PieceRule::kO200k, 199'998, 199'999},   // o200k_base
    {PieceRule::kLlama3, 128'000, 128'001},  // <|end_of_text|> of Llama 3
    {PieceRule::kQwen2, 151'643, 151'643},   // Qwen and Qwen 2
};

int ValueOfBase64(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// RFC 4648, section 4, with its padding; nothing when `text` is none.
std::optional<std::string> FromBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string bytes;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int value = ValueOfBase64(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

class TiktokenReader {
 public:
  explicit TiktokenReader(PieceRule pieces) {
    model_.pieces = pieces;
    model_.whole_pieces_first = true;
  }

  void ReadLine(size_t number, std::string_view line) {
    const size_t blank = std::min(line.find(' '), line.size());
    const auto bytes = FromBase64(line.substr(0, blank));
    const char* const end = line.data() + line.size();
    uint32_t rank = 0;
    const auto [last, error] =
        std::from_chars(line.data() + std::min(blank + 1, line.size()), end, rank);
    if (!bytes.has_value() || bytes->empty() || error != std::errc() || last != end) {
      FailLine(number, line, "is no token in base64, a blank and its rank");
    }
    if (bytes->size() > kMaxTokenBytes) {
      FailLine(number, line,
               "the token has more than " + std::to_string(kMaxTokenBytes) + " bytes");
    }
    if (rank >= kMaxBpeTokens) {
      FailLine(number, line, "the rank is not below " + std::to_string(kMaxBpeTokens));
    }
    if (rank >= model_.tokens.size()) model_.tokens.resize(rank + 1);
    if (!model_.tokens[rank].empty()) FailLine(number, line, "another token has this rank");
    model_.tokens[rank] = *bytes;
  }

  // Two neighbours merge where what they make is a token, whose rank is that of the merge.
  BpeModel Take() {
    std::unordered_map<std::string_view, uint32_t> rank_of;
    for (uint32_t rank = 0; rank < model_.tokens.size(); ++rank) {
      const std::string& token = model_.tokens[rank];
      if (!token.empty() && !rank_of.emplace(token, rank).second) {
        throw std::invalid_argument("two ranks, one of them " + std::to_string(rank) +
                                    ", are of the same token");
      }
    }
    for (uint32_t rank = 0; rank < model_.tokens.size(); ++rank) {
      const std::string_view token = model_.tokens[rank];
      for (size_t cut = 1; cut < token.size(); ++cut) {
        const auto left = rank_of.find(token.substr(0, cut));
        const auto right = rank_of.find(token.substr(cut));
        if (left == rank_of.end() || right == rank_of.end()) continue;
        model_.merges.push_back({left->second, right->second, rank, rank});
      }
    }
    for (const KnownEnd& known : kKnownEnds) {
      const bool is_it = known.pieces == model_.pieces && known.tokens == rank_of.size();
      if (is_it) TakeEnd(known.end_of_text);
    }
    return std::move(model_);
  }

 private:
  void TakeEnd(uint32_t id) {
    model_.end_of_text = id;
    if (id >= model_.tokens.size()) model_.tokens.resize(id + 1);
  }

  BpeModel model_;
};

}  // namespace

BpeModel ReadTiktoken(std::string_view file, PieceRule pieces) {
  TiktokenReader reader(pieces);
  for (size_t number = 1; !file.empty(); ++number) {
    const size_t end = std::min(file.find('\n'), file.size());
    std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) reader.ReadLine(number, line);
  }
  return reader.Take();
}

}  // namespace quern::text
