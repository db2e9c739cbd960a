#include "jobs/text/sentencepiece_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "jobs/text/protobuf_fields.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

using Wire = ProtobufFields::Wire;

constexpr size_t kMostPieces = size_t{1} << 24;

[[noreturn]] void FailModel(const std::string& why) { throw std::invalid_argument(why); }

// The beginning of a piece of any bytes, on one line.
std::string ShownPiece(std::string_view piece) {
  std::string shown;
  for (const char c : WholeCharacters(piece, 100)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return shown;
}

[[noreturn]] void FailPiece(uint32_t id, std::string_view piece, const std::string& why) {
  FailModel("the piece " + std::to_string(id) + " '" + ShownPiece(piece) + "' " + why);
}

float FloatOf(std::string_view bytes) {
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; ++i) bits |= uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

void CheckWhole(const ProtobufFields& fields) {
  if (!fields.ok()) FailModel("is no SentencePiece model, or a damaged one");
}

// A blank behind something else.
bool HasInnerBlank(std::string_view piece) {
  constexpr std::string_view kBlank = SentencePieceModel::kBlank;
  while (piece.starts_with(kBlank)) piece.remove_prefix(kBlank.size());
  return piece.find(kBlank) != std::string_view::npos;
}

}  // namespace

SentencePieceModel::SentencePieceModel(std::string file) : file_(std::move(file)) {
  byte_ids_.fill(PieceTrie::kNone);
  Read();
  Index();
}

void SentencePieceModel::Read() {
  ProtobufFields fields(file_);
  while (fields.Next()) {
    if (fields.Is(1, Wire::kBytes)) ReadPiece(fields.bytes());
    if (fields.Is(2, Wire::kBytes)) ReadTrainerSpec(fields.bytes());
    if (fields.Is(3, Wire::kBytes)) ReadNormalizerSpec(fields.bytes());
  }
  CheckWhole(fields);
  if (pieces_.empty()) FailModel("is no SentencePiece model: it has no pieces");
  if (model_type_ != 1 && model_type_ != 2) {
    FailModel("is a model of words or characters; models of the types unigram and bpe are known");
  }
  kind_ = static_cast<Kind>(model_type_);
}

void SentencePieceModel::ReadPiece(std::string_view message) {
  if (pieces_.size() == kMostPieces) {
    FailModel("has more than " + std::to_string(kMostPieces) + " pieces");
  }
  Piece& piece = pieces_.emplace_back();
  ProtobufFields fields(message);
  while (fields.Next()) {
    if (fields.Is(1, Wire::kBytes)) piece.text = fields.bytes();
    if (fields.Is(2, Wire::kFixed32)) piece.score = FloatOf(fields.bytes());
    if (fields.Is(3, Wire::kVarint) && fields.varint() >= 1 && fields.varint() <= 6) {
      piece.type = static_cast<Type>(fields.varint());
    }
  }
  CheckWhole(fields);
}

void SentencePieceModel::ReadTrainerSpec(std::string_view message) {
  ProtobufFields fields(message);
  while (fields.Next()) {
    if (fields.Is(3, Wire::kVarint)) model_type_ = fields.varint();
    if (fields.Is(24, Wire::kVarint)) normalization_.whitespace_is_suffix = fields.varint() != 0;
    if (fields.Is(35, Wire::kVarint)) byte_fallback_ = fields.varint() != 0;
    if (fields.Is(47, Wire::kBytes)) end_piece_ = fields.bytes();
  }
  CheckWhole(fields);
}

void SentencePieceModel::ReadNormalizerSpec(std::string_view message) {
  ProtobufFields fields(message);
  Normalization& to = normalization_;
  while (fields.Next()) {
    if (fields.Is(2, Wire::kBytes)) to.charsmap = fields.bytes();
    if (fields.Is(3, Wire::kVarint)) to.add_dummy_prefix = fields.varint() != 0;
    if (fields.Is(4, Wire::kVarint)) to.remove_extra_whitespaces = fields.varint() != 0;
    if (fields.Is(5, Wire::kVarint)) to.escape_whitespaces = fields.varint() != 0;
  }
  CheckWhole(fields);
}

void SentencePieceModel::Index() {
  bool has_normal = false;
  for (uint32_t id = 0; id < size(); ++id) {
    IndexPiece(id);
    if (pieces_[id].type != Type::kNormal) continue;
    const float score = pieces_[id].score;
    least_score_ = has_normal ? std::min(least_score_, score) : score;
    has_normal = true;
  }
  if (unknown_ == PieceTrie::kNone) FailModel("has no piece for what is unknown");
  if (byte_fallback_ &&
      std::find(byte_ids_.begin(), byte_ids_.end(), PieceTrie::kNone) != byte_ids_.end()) {
    FailModel("falls back on bytes, and has no pieces for some of them");
  }
  // As the library does; a file that was cut off before its settings looks so too.
  const auto byte = std::find_if(byte_ids_.begin(), byte_ids_.end(),
                                 [](uint32_t id) { return id != PieceTrie::kNone; });
  if (!byte_fallback_ && byte != byte_ids_.end()) {
    FailPiece(*byte, pieces_[*byte].text, "is one of a byte, and the model falls back on none");
  }
  const auto end = FindReserved(end_piece_);
  if (end.has_value() && type(*end) == Type::kControl) end_of_text_ = end;
}

void SentencePieceModel::IndexPiece(uint32_t id) {
  const auto [text, score, type] = pieces_[id];
  if (text.empty()) FailPiece(id, text, "is empty");
  if (!std::isfinite(score)) FailPiece(id, text, "has a score that is no number");
  if (type == Type::kUnknown && unknown_ != PieceTrie::kNone) {
    FailPiece(id, text, "is a second one for what is unknown");
  }
  if (type == Type::kUnknown) unknown_ = id;
  if (type == Type::kByte) IndexByte(id);
  if (type == Type::kUnknown || type == Type::kControl || type == Type::kByte) {
    if (!reserved_.emplace(text, id).second) FailPiece(id, text, "is there twice");
    return;
  }
  if (!trie_.Add(text, id)) FailPiece(id, text, "is there twice");
  if (type == Type::kUserDefined) {
    has_user_defined_ = true;
    user_defined_.Add(text, id);
  }
  if (type == Type::kUnused || HasInnerBlank(text)) words_apart_ = false;
}

// <0x0A>, in just this form.
void SentencePieceModel::IndexByte(uint32_t id) {
  const std::string_view text = pieces_[id].text;
  unsigned byte = 0;
  const bool framed =
      text.size() == 6 && text.starts_with("<0x") && text.ends_with('>') &&
      std::none_of(text.begin() + 3, text.begin() + 5, [](char c) { return c >= 'a' && c <= 'f'; });
  const auto last =
      framed ? std::from_chars(text.data() + 3, text.data() + 5, byte, 16).ptr : nullptr;
  if (!framed || last != text.data() + 5) FailPiece(id, text, "is none of a byte");
  byte_ids_[byte] = id;
}

std::optional<uint32_t> SentencePieceModel::FindReserved(std::string_view piece) const {
  const auto found = reserved_.find(piece);
  if (found == reserved_.end()) return std::nullopt;
  return found->second;
}

}  // namespace quern::text
