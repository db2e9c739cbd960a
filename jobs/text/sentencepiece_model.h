// A model of SentencePiece (Kudo and Richardson 2018): the pieces of a vocabulary with their
// scores, and how a text is changed before it is cut into them. The file is one protobuf message,
// sentencepiece.ModelProto; what of it decides about tokens is read here.
//
//   ModelProto       1 pieces, 2 trainer_spec, 3 normalizer_spec
//   SentencePiece    1 piece, 2 score (float), 3 type
//   TrainerSpec      3 model_type, 24 treat_whitespace_as_suffix, 35 byte_fallback, 47 eos_piece
//   NormalizerSpec   2 precompiled_charsmap, 3 add_dummy_prefix, 4 remove_extra_whitespaces,
//                    5 escape_whitespaces
//
// The id of a piece is its place in the list.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/piece_trie.h"

namespace quern::text {

// Read by any number of threads.
class SentencePieceModel {
 public:
  enum class Kind : uint8_t { kUnigram = 1, kBpe = 2 };
  enum class Type : uint8_t {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,  // </s> and the like: no text becomes one
    kUserDefined = 4,
    kUnused = 5,
    kByte = 6,
  };
  struct Normalization {
    std::string_view charsmap;  // see SentencePieceNormalizer
    bool add_dummy_prefix = true;
    bool remove_extra_whitespaces = true;
    bool escape_whitespaces = true;
    bool whitespace_is_suffix = false;
  };
  // What stands for a blank in pieces, U+2581.
  static constexpr std::string_view kBlank = "\xe2\x96\x81";

  // From the contents of the file, which it keeps. Throws std::invalid_argument saying what is
  // wrong with them.
  explicit SentencePieceModel(std::string file);
  SentencePieceModel(const SentencePieceModel&) = delete;
  SentencePieceModel& operator=(const SentencePieceModel&) = delete;

  Kind kind() const { return kind_; }
  uint32_t size() const { return static_cast<uint32_t>(pieces_.size()); }
  float score(uint32_t id) const { return pieces_[id].score; }
  Type type(uint32_t id) const { return pieces_[id].type; }
  // Of the normal pieces.
  float least_score() const { return least_score_; }

  uint32_t unknown() const { return unknown_; }
  // Whether what has no piece becomes the pieces of its bytes.
  bool byte_fallback() const { return byte_fallback_; }
  uint32_t byte_id(unsigned char byte) const { return byte_ids_[byte]; }
  // The piece that ends a text, </s> mostly, if there is one.
  std::optional<uint32_t> end_of_text() const { return end_of_text_; }
  // What it is called in the model, whether or not it is there.
  std::string_view end_piece() const { return end_piece_; }

  // The pieces that texts are cut into: normal, user-defined, unused ones.
  const PieceTrie& pieces() const { return trie_; }
  const PieceTrie& user_defined() const { return user_defined_; }
  bool has_user_defined() const { return has_user_defined_; }
  // The id of an unknown, control or byte piece; nothing for any other string.
  std::optional<uint32_t> FindReserved(std::string_view piece) const;
  // No piece has a blank behind anything else, and none is unused: what stands before a blank and
  // what begins with it are cut independently of each other.
  bool words_apart() const { return words_apart_; }

  const Normalization& normalization() const { return normalization_; }

 private:
  struct Piece {
    std::string_view text;
    float score = 0;
    Type type = Type::kNormal;
  };

  void Read();
  void ReadPiece(std::string_view message);
  void ReadTrainerSpec(std::string_view message);
  void ReadNormalizerSpec(std::string_view message);
  void Index();
  void IndexPiece(uint32_t id);
  void IndexByte(uint32_t id);

  const std::string file_;
  std::vector<Piece> pieces_;
  PieceTrie trie_;
  PieceTrie user_defined_;
  std::map<std::string_view, uint32_t> reserved_;
  std::array<uint32_t, 256> byte_ids_;
  Normalization normalization_;
  std::string_view end_piece_ = "</s>";
  std::optional<uint32_t> end_of_text_;
  uint64_t model_type_ = 1;
  uint32_t unknown_ = PieceTrie::kNone;
  float least_score_ = 0;
  Kind kind_ = Kind::kUnigram;
  bool byte_fallback_ = false;
  bool has_user_defined_ = false;
  bool words_apart_ = true;
};

}  // namespace quern::text
