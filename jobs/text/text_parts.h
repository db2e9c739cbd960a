// Lines and paragraphs of a text, told by their numbers, and the text without some of them.
//
// A paragraph is a run of lines that are not blank; blank lines, of which there may be any number,
// stand between two. Numbers count from 1: those of lines all lines, blank ones too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::text {

enum class PartKind : uint8_t { kLine, kParagraph };

struct LineOfText {
  std::string_view text;   // with its line feed; the last one may have none
  uint32_t line = 0;       // its number
  uint32_t paragraph = 0;  // that of the paragraph that it belongs to; 0: the line is blank
};

class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  // Nothing at the end.
  std::optional<LineOfText> Next();

 private:
  std::string_view rest_;
  uint32_t lines_ = 0;
  uint32_t paragraphs_ = 0;
  bool inside_ = false;  // a paragraph
};

struct TextPart {
  std::string_view text;  // of a paragraph the line feeds inside too
  uint32_t number = 0;
};

// The lines that are not blank, or the paragraphs.
class PartReader {
 public:
  PartReader(std::string_view text, PartKind kind) : lines_(text), kind_(kind) {}

  // Nothing at the end.
  std::optional<TextPart> Next();

 private:
  LineReader lines_;
  const PartKind kind_;
};

// Which parts of a text go, in ascending order. Numbers that it does not have mean nothing.
struct PartNumbers {
  std::vector<uint32_t> lines;
  std::vector<uint32_t> paragraphs;
};

// A run of bytes of a text that stays, and where it is in what is left.
struct RemainingPiece {
  size_t from = 0;
  size_t to = 0;
  size_t bytes = 0;
};

struct RemainingText {
  std::string text;
  std::vector<RemainingPiece> pieces;  // that it consists of, in their order
  size_t lines = 0;                    // of those named, how many were there and went
  size_t paragraphs = 0;               // the same
};

// The text without these lines, each with its line feed, and these paragraphs. Of the blank lines
// that meet where something went, those in front stay; at either end of the text none do.
RemainingText WithoutParts(std::string_view text, const PartNumbers& gone);

}  // namespace quern::text
