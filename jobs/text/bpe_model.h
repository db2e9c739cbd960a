// A byte-level BPE tokeniser as files give it, before it is made ready for use (BpeVocabulary):
// from GPT-2's two files, tokenizer.json of Hugging Face's tokenizers, or a .tiktoken file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/piece_rule.h"

namespace quern::text {

// A string that is a token wherever it stands in a text.
struct AddedToken {
  std::string content;
  uint32_t id = 0;
  // Text never makes it, although other added tokens are not looked for inside it.
  bool special = false;
  bool normalized = false;  // looked for after the text was normalised
};

struct BpeModel {
  struct Merge {
    uint32_t left = 0;
    uint32_t right = 0;
    uint32_t rank = 0;  // the least goes first
    uint32_t token = 0;
  };
  std::vector<std::string> tokens;  // their bytes, by id; empty for an id that no token has
  std::vector<bool>
      only_added;             // by id: no merge makes it; shorter where that holds for none behind
  std::vector<Merge> merges;  // of two equal pairs the first one counts
  std::vector<AddedToken> added;
  std::optional<uint32_t> end_of_text;
  PieceRule pieces = PieceRule::kGpt2;
  bool whole_pieces_first = false;  // a piece that is a token is not merged
  bool nfc = false;                 // the text is normalised to NFC before it is cut
};

inline bool IsOnlyAdded(const BpeModel& model, uint32_t token) {
  return token < model.only_added.size() && model.only_added[token];
}

// Ids from here on are taken for a mistake.
inline constexpr uint32_t kMaxBpeTokens = 1 << 24;

// From the contents of encoder.json and vocab.bpe. Throws std::invalid_argument saying what is
// wrong with them: a byte without a token, a merge of unknown tokens or one whose parts are made
// only after it.
BpeModel ReadGpt2Files(std::string_view encoder_json, std::string_view merges);

// Throws std::invalid_argument naming the field that is wrong, or that says something which would
// need other ids than BpeVocabulary and BpeEncoder give, and what is supported.
BpeModel ReadTokenizerJson(std::string_view json);

// Lines of a token in base64, a blank and its rank, which is its id. The file says neither how text
// is cut nor what stands between documents, which is known of the vocabularies that people publish.
// Throws std::invalid_argument naming the line.
BpeModel ReadTiktoken(std::string_view file, PieceRule pieces);

// The least byte that no token stands for; nothing when all have one. Only where all have one there
// are tokens for every text.
std::optional<uint32_t> ByteWithoutToken(const BpeModel& model);

}  // namespace quern::text
