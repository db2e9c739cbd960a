#include "mapreduce/formats/warc/header_fields.h"

#include <algorithm>

namespace quern::mr {

namespace {

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

size_t EndOfHead(std::string_view text) {
  for (size_t at = 0; (at = text.find('\n', at)) != std::string_view::npos;) {
    ++at;
    if (text.substr(at).starts_with('\n')) return at + 1;
    if (text.substr(at).starts_with("\r\n")) return at + 2;
  }
  return std::string_view::npos;
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return ToLower(x) == ToLower(y);
         });
}

void HeaderFields::Parse(std::string_view lines) {
  fields_.clear();
  folded_.clear();
  while (!lines.empty() && fields_.size() < kMaxFields) {
    const std::string_view line = TakeLine(&lines);
    if (line.empty()) return;
    if (line.front() == ' ' || line.front() == '\t') {
      Continue(line);
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fields_.push_back({TrimBlanks(line.substr(0, colon)), TrimBlanks(line.substr(colon + 1)), -1});
  }
}

void HeaderFields::Continue(std::string_view line) {
  if (fields_.empty()) return;
  Field& field = fields_.back();
  if (field.folded < 0) {
    field.folded = static_cast<int>(folded_.size());
    folded_.emplace_back(field.value);
  }
  std::string& value = folded_[static_cast<size_t>(field.folded)];
  value += ' ';
  value += TrimBlanks(line);
}

std::string_view HeaderFields::Find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (!EqualsIgnoringCase(field.name, name)) continue;
    return field.folded < 0 ? field.value
                            : std::string_view(folded_[static_cast<size_t>(field.folded)]);
  }
  return {};
}

}  // namespace quern::mr
