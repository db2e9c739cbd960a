// SentencePiece models written by the tests that use them.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/sentencepiece_model.h"

namespace quern::text {

struct ModelPiece {
  std::string text;
  float score = 0;
  SentencePieceModel::Type type = SentencePieceModel::Type::kNormal;
};

inline void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}
inline void AppendNumber(uint32_t field, uint64_t value, std::string* out) {
  AppendVarint(uint64_t{field} << 3, out);
  AppendVarint(value, out);
}
inline void AppendBytes(uint32_t field, std::string_view bytes, std::string* out) {
  AppendVarint(uint64_t{field} << 3 | 2, out);
  AppendVarint(bytes.size(), out);
  out->append(bytes);
}

struct ModelParts {
  std::vector<ModelPiece> pieces;
  uint64_t model_type = 1;  // 1: unigram, 2: bpe
  bool byte_fallback = false;
  // Nothing is put before a text and no blanks are squeezed.
  bool as_it_is = true;
  std::string charsmap = {};
};

// The contents of a model's file.
inline std::string ModelOf(const ModelParts& parts) {
  std::string model;
  for (const ModelPiece& piece : parts.pieces) {
    std::string message;
    AppendBytes(1, piece.text, &message);
    char score[4];
    std::memcpy(score, &piece.score, 4);
    AppendVarint(2 << 3 | 5, &message);
    message.append(score, 4);
    AppendNumber(3, static_cast<uint64_t>(piece.type), &message);
    AppendBytes(1, message, &model);
  }
  std::string trainer;
  AppendNumber(3, parts.model_type, &trainer);
  AppendNumber(35, parts.byte_fallback ? 1 : 0, &trainer);
  AppendBytes(2, trainer, &model);
  std::string normalizer;
  if (!parts.charsmap.empty()) AppendBytes(2, parts.charsmap, &normalizer);
  if (parts.as_it_is) {
    AppendNumber(3, 0, &normalizer);
    AppendNumber(4, 0, &normalizer);
  }
  AppendBytes(3, normalizer, &model);
  return model;
}

}  // namespace quern::text
