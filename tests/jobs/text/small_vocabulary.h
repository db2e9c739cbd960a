// Vocabularies in GPT-2's form, trained by the tests that use them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/text/gpt2_pieces.h"
#include "jobs/text/json.h"
#include "jobs/text/utf8.h"

namespace quern::text {

inline std::vector<std::string> PiecesOf(std::string_view text) {
  std::vector<std::string> pieces;
  Gpt2Pieces reader(text);
  for (auto piece = reader.Next(); !piece.empty(); piece = reader.Next())
    pieces.emplace_back(piece);
  return pieces;
}

// GPT-2's writing of bytes as characters.
inline std::string Written(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const auto printable = [](unsigned b) {
      return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    };
    uint32_t code = byte;
    if (!printable(byte)) {
      code = 256;
      for (unsigned b = 0; b < byte; ++b) code += !printable(b);
    }
    AppendUtf8(code, &out);
  }
  return out;
}

// A file of tiktoken without merges.
inline std::string TiktokenOfBytes() {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string file;
  for (size_t byte = 0; byte < 256; ++byte) {
    file += {kDigits[byte >> 2], kDigits[byte << 4 & 0x30], '=', '=', ' '};
    file += std::to_string(byte) + "\n";
  }
  return file;
}

struct Trained {
  std::vector<std::pair<std::string, std::string>> merges;
  std::string encoder_json;
  std::string vocab_bpe;
};

inline Trained FilesOf(std::vector<std::pair<std::string, std::string>> merges) {
  Trained trained;
  std::set<std::string> known;
  JsonObjectWriter json;
  const auto add = [&](const std::string& token) {
    if (!known.insert(token).second) return;
    json.AddRaw(Written(token), std::to_string(known.size() - 1));
  };
  // Not in the order of the bytes: ids are what the file says.
  for (int byte = 255; byte >= 0; --byte) add(std::string(1, static_cast<char>(byte)));
  trained.vocab_bpe = "#version: 0.2\n";
  for (const auto& [a, b] : merges) {
    add(a + b);
    trained.vocab_bpe += Written(a) + " " + Written(b) + "\n";
  }
  json.AddRaw("<|endoftext|>", std::to_string(known.size()));
  trained.encoder_json = json.Take();
  trained.merges = std::move(merges);
  return trained;
}

// Merges the commonest pair again and again (Sennrich et al. 2016, algorithm 1).
inline Trained Train(std::string_view text, size_t merges) {
  std::vector<std::vector<std::string>> words;
  for (const std::string& piece : PiecesOf(text)) {
    words.emplace_back();
    for (const char c : piece) words.back().emplace_back(1, c);
  }
  std::vector<std::pair<std::string, std::string>> made;
  while (made.size() < merges) {
    std::map<std::pair<std::string, std::string>, int> counts;
    for (const auto& word : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) ++counts[{word[i], word[i + 1]}];
    }
    if (counts.empty()) break;
    const auto best = std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) {
                        return a.second < b.second;
                      })->first;
    for (auto& word : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) {
        if (word[i] != best.first || word[i + 1] != best.second) continue;
        word[i] += word[i + 1];
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
    made.push_back(best);
  }
  return FilesOf(std::move(made));
}

}  // namespace quern::text
