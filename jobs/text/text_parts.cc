#include "jobs/text/text_parts.h"

#include <algorithm>
#include <utility>

namespace quern::text {

namespace {

bool IsBlankPart(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  return std::all_of(text.begin(), text.end(), is_blank);
}

bool IsNamed(const std::vector<uint32_t>& numbers, uint32_t number) {
  return std::binary_search(numbers.begin(), numbers.end(), number);
}

// Two pieces of a text, one of which begins where the other ends.
std::string_view Joined(std::string_view first, std::string_view second) {
  return first.empty() ? second : std::string_view(first.data(), first.size() + second.size());
}

// Puts the lines of a text that stay together again.
class TextJoiner {
 public:
  TextJoiner(std::string_view text, RemainingText* left) : begin_(text.data()), left_(left) {}

  void Keep(std::string_view line) {
    if (!left_->text.empty() || !dropped_) Append(blank_);
    Append(line);
    Begin();
  }
  void Drop() {
    dropped_ = true;
    closed_ = !blank_.empty();
  }
  void AddBlank(std::string_view line) {
    if (!closed_) blank_ = Joined(blank_, line);
  }
  void End() {
    if (!dropped_) Append(blank_);
  }

 private:
  void Append(std::string_view lines) {
    if (lines.empty()) return;
    const auto from = static_cast<size_t>(lines.data() - begin_);
    std::vector<RemainingPiece>& pieces = left_->pieces;
    if (!pieces.empty() && pieces.back().from + pieces.back().bytes == from) {
      pieces.back().bytes += lines.size();
    } else {
      pieces.push_back({from, left_->text.size(), lines.size()});
    }
    left_->text += lines;
  }

  void Begin() {
    blank_ = {};
    closed_ = false;
    dropped_ = false;
  }

  const char* const begin_;
  RemainingText* const left_;
  // Since the last line that stays:
  std::string_view blank_;  // the first blank lines
  bool closed_ = false;     // something else came behind them
  bool dropped_ = false;    // a line
};

}  // namespace

std::optional<LineOfText> LineReader::Next() {
  if (rest_.empty()) return std::nullopt;
  const size_t end = rest_.find('\n');
  LineOfText line;
  line.text = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
  rest_.remove_prefix(line.text.size());
  line.line = ++lines_;
  const bool is_inside = !IsBlankPart(line.text);
  if (is_inside && !inside_) ++paragraphs_;
  inside_ = is_inside;
  if (is_inside) line.paragraph = paragraphs_;
  return line;
}

std::optional<TextPart> PartReader::Next() {
  TextPart part;
  while (const auto line = lines_.Next()) {
    if (line->paragraph == 0) {
      if (part.number != 0) return part;
      continue;
    }
    if (kind_ == PartKind::kLine) return TextPart{line->text, line->line};
    part = {Joined(part.text, line->text), line->paragraph};
  }
  if (part.number == 0) return std::nullopt;
  return part;
}

RemainingText WithoutParts(std::string_view text, const PartNumbers& gone) {
  RemainingText left;
  TextJoiner joiner(text, &left);
  uint32_t dropped_paragraph = 0;
  LineReader lines(text);
  while (const auto line = lines.Next()) {
    if (line->paragraph == 0) {
      joiner.AddBlank(line->text);
      continue;
    }
    const bool in_paragraph = IsNamed(gone.paragraphs, line->paragraph);
    const bool is_line = IsNamed(gone.lines, line->line);
    left.lines += is_line;
    left.paragraphs += in_paragraph && line->paragraph != dropped_paragraph;
    if (in_paragraph) dropped_paragraph = line->paragraph;
    if (in_paragraph || is_line) {
      joiner.Drop();
    } else {
      joiner.Keep(line->text);
    }
  }
  joiner.End();
  // The line that is the last one now may have had an end only for the one behind it.
  if (!text.ends_with('\n') && left.text.ends_with('\n')) {
    const size_t bytes = left.text.ends_with("\r\n") ? 2 : 1;
    left.text.resize(left.text.size() - bytes);
    left.pieces.back().bytes -= bytes;
  }
  return left;
}

}  // namespace quern::text
