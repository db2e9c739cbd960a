// What SentencePiece does to a text before it cuts it into pieces: characters are replaced (NFKC or
// whatever the model was trained with), blanks become U+2581, runs of them one, and one is put
// before the text; as the model says.
//
// The replacements are a double-array trie (Aoe 1989) in the form of Darts-clone, from which the
// longest string that the text goes on with is replaced by what stands at its value:
//   u32 bytes of the trie, u32 units of the trie, strings that end with a zero
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/sentencepiece_model.h"

namespace quern::text {

// Read by any number of threads.
class SentencePieceNormalizer {
 public:
  // The model must outlive it. Throws std::invalid_argument when its replacements are damaged.
  explicit SentencePieceNormalizer(const SentencePieceModel* model);

  // The text as it is cut. Bytes that are no UTF-8 are U+FFFD each, unless a piece that the model's
  // user has defined or a replacement has them.
  void Normalize(std::string_view text, std::string* normalized) const;

 private:
  // What `text` begins with, and what stands for it.
  struct Step {
    std::string_view replacement;
    size_t size;  // of what is replaced
  };

  Step StepAt(std::string_view text) const;
  Step Replacement(std::string_view text) const;
  std::string_view SkipBlanks(std::string_view text) const;
  void Append(std::string_view piece, std::string* normalized) const;

  const SentencePieceModel* const model_;
  const SentencePieceModel::Normalization& rules_;
  const std::string_view blank_;  // as it is written in the result
  std::vector<uint32_t> units_;   // of the trie
  std::string_view replacements_;
};

}  // namespace quern::text
