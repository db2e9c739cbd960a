#include "jobs/search/inverted/sorted_lines.h"

namespace quern::inverted {
namespace {

constexpr size_t kWindowBytes = 64 << 10;

std::string_view KeyOf(std::string_view line) { return line.substr(0, line.find('\t')); }

}  // namespace

absl::StatusOr<std::string_view> SortedLines::Window(uint64_t offset) {
  if (offset < window_start_ || offset >= window_start_ + window_.size()) {
    ASSIGN_OR_RETURN(window_, read_(offset, kWindowBytes));
    window_start_ = offset;
    if (window_.empty() && offset < size_) {
      return DataLossError("the file ends at {} of {} bytes", offset, size_);
    }
  }
  return std::string_view(window_).substr(offset - window_start_);
}

absl::StatusOr<std::string> SortedLines::RestOfLine(uint64_t offset) {
  std::string text;
  while (offset < size_) {
    ASSIGN_OR_RETURN(const std::string_view window, Window(offset));
    const size_t end = window.find('\n');
    text.append(window.substr(0, end));
    if (end != std::string_view::npos) break;
    offset += window.size();
  }
  return text;
}

absl::StatusOr<std::optional<SortedLines::Line>> SortedLines::LineFrom(uint64_t offset) {
  Line line{.start = offset, .text = {}};
  if (offset > 0) {
    // The line that holds the byte before `offset` ends at the line feed to skip.
    ASSIGN_OR_RETURN(const std::string skipped, RestOfLine(offset - 1));
    line.start = offset + skipped.size();
  }
  if (line.start >= size_) return std::nullopt;
  ASSIGN_OR_RETURN(line.text, RestOfLine(line.start));
  return line;
}

absl::StatusOr<uint64_t> SortedLines::LowerBound(std::string_view key) {
  uint64_t low = 0;
  uint64_t high = size_;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    ASSIGN_OR_RETURN(const std::optional<Line> line, LineFrom(middle));
    if (line.has_value() && KeyOf(line->text) < key) {
      low = line->start + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

absl::StatusOr<std::optional<std::string>> SortedLines::FirstLine() {
  ASSIGN_OR_RETURN(const std::string_view window, Window(0));
  const size_t end = window.find('\n');
  if (end == std::string_view::npos && window.size() < size_) return std::nullopt;
  if (window.empty()) return std::nullopt;
  return std::string(window.substr(0, end));
}

absl::Status SortedLines::ForEach(std::string_view key,
                                  const std::function<absl::Status(std::string_view)>& visit) {
  ASSIGN_OR_RETURN(uint64_t offset, LowerBound(key));
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Line> line, LineFrom(offset));
    if (!line.has_value() || KeyOf(line->text) != key) return absl::OkStatus();
    const std::string_view text = line->text;
    RETURN_IF_ERROR(visit(text.substr(std::min(key.size() + 1, text.size()))));
    offset = line->start + text.size() + 1;
  }
}

}  // namespace quern::inverted
