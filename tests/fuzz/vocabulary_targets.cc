// Files of tokenisers, and texts to tokens and back with what was read of them.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "jobs/text/bpe.h"
#include "jobs/text/gpt2_pieces.h"
#include "jobs/text/sentencepiece_encoder.h"
#include "tests/fuzz/targets.h"
#include "tests/jobs/text/small_vocabulary.h"

namespace quern::fuzz {

namespace {

// Where an input says so, all single bytes stand, without which no vocabulary is accepted: written
// out they would be most of it, and most changes of it would break them.
constexpr std::string_view kAllBytes = "@@";

std::string WithAllBytes(std::string_view file, const std::string& all_bytes) {
  std::string whole(file);
  const size_t at = whole.find(kAllBytes);
  if (at != std::string::npos) whole.replace(at, kAllBytes.size(), all_bytes);
  return whole;
}

// As members of a JSON object of tokens and their ids, 0 to 255.
const std::string& BytesInJson() {
  static const std::string all = [] {
    std::string members;
    for (int byte = 0; byte < 256; ++byte) {
      members += byte == 0 ? "" : ",";
      text::AppendJsonString(text::Written(std::string(1, static_cast<char>(byte))), &members);
      members += ":" + std::to_string(byte);
    }
    return members;
  }();
  return all;
}

void CheckTokens(const text::BpeVocabulary& vocabulary, std::string_view bytes, bool gives_back) {
  text::BpeEncoder encoder(&vocabulary);
  std::vector<uint32_t> tokens;
  encoder.Encode(bytes, &tokens);
  for (const uint32_t token : tokens) {
    Require(!vocabulary.bytes(token).empty(), "a token that the vocabulary does not have");
  }
  Require(!gives_back || encoder.Decode(tokens) == bytes, "tokens do not give the text back");
  const auto count = static_cast<std::ptrdiff_t>(tokens.size());
  encoder.Encode(bytes, &tokens);  // now that its words are remembered
  Require(std::ssize(tokens) == 2 * count &&
              std::equal(tokens.begin(), tokens.begin() + count, tokens.begin() + count),
          "a text has other tokens the second time");
}

void Tokens(std::string_view bytes) {
  static const text::Trained files =
      text::Train("the page that has the number of the text 123", 40);
  static const text::BpeVocabulary vocabulary(files.encoder_json, files.vocab_bpe);
  CheckTokens(vocabulary, bytes, true);
  text::Gpt2Pieces pieces(bytes);
  size_t seen = 0;
  for (auto piece = pieces.Next(); !piece.empty(); piece = pieces.Next()) {
    Require(piece == bytes.substr(seen, piece.size()), "pieces are not the text");
    seen += piece.size();
  }
  Require(seen == bytes.size(), "pieces end before the text");
}

// GPT-2's two files and a text, each up to a zero.
void Vocabulary(std::string_view bytes) {
  const std::string_view encoder_json = TakeUpTo('\0', &bytes);
  const std::string_view merges = TakeUpTo('\0', &bytes);
  try {
    const text::BpeVocabulary vocabulary(WithAllBytes(encoder_json, BytesInJson()), merges);
    CheckTokens(vocabulary, bytes, true);
  } catch (const std::invalid_argument&) {
    // said to be wrong
  }
}

// NFC changes texts, and so does an added token written as what stands for other bytes.
bool GivesBack(const text::BpeModel& model) {
  return !model.nfc && std::all_of(model.added.begin(), model.added.end(), [&](const auto& added) {
    return added.special || model.tokens[added.id] == added.content;
  });
}

// A file tokenizer.json up to a zero, and a text.
void TokenizerJson(std::string_view bytes) {
  const std::string_view json = TakeUpTo('\0', &bytes);
  try {
    text::BpeModel model = text::ReadTokenizerJson(WithAllBytes(json, BytesInJson()));
    const bool gives_back = GivesBack(model);
    const text::BpeVocabulary vocabulary(std::move(model));
    CheckTokens(vocabulary, bytes, gives_back);
  } catch (const std::invalid_argument&) {
    // said to be wrong
  }
}

// The name of a rule up to a line break, a file of tiktoken up to a zero, and a text.
void Tiktoken(std::string_view bytes) {
  const auto rule = text::PieceRuleOfName(TakeUpTo('\n', &bytes));
  const std::string_view file = TakeUpTo('\0', &bytes);
  if (!rule.has_value()) return;
  try {
    static const std::string all_bytes = text::TiktokenOfBytes();
    const text::BpeVocabulary vocabulary(text::ReadTiktoken(WithAllBytes(file, all_bytes), *rule));
    CheckTokens(vocabulary, bytes, true);
  } catch (const std::invalid_argument&) {
    // said to be wrong
  }
}

// A text up to a zero, then a model.
void SentencePiece(std::string_view bytes) {
  const std::string_view text = TakeUpTo('\0', &bytes);
  try {
    const text::SentencePieceModel model{std::string(bytes)};
    text::SentencePieceEncoder encoder(&model);
    std::vector<uint32_t> tokens;
    encoder.Encode(text, &tokens);
    for (const uint32_t token : tokens) Require(token < model.size(), "a token without a piece");
  } catch (const std::invalid_argument&) {
    // said to be wrong
  }
}

}  // namespace

const std::vector<Target>& VocabularyTargets() {
  static const std::vector<Target> targets = {{"tokens", Tokens},
                                              {"vocabulary", Vocabulary},
                                              {"tokenizer_json", TokenizerJson},
                                              {"tiktoken", Tiktoken},
                                              {"sentencepiece", SentencePiece}};
  return targets;
}

}  // namespace quern::fuzz
