#include "jobs/text/json_normal.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "jobs/text/json.h"

namespace quern::text {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Walks over one value and writes it. Methods return false when the JSON is broken at this place.
class Normalizer {
 public:
  explicit Normalizer(std::string_view text) : text_(text) {}

  bool Read() {
    while (true) {
      bool closed = true;
      if (!ReadValue(&closed)) return false;
      if (!closed) continue;
      while (ReadEnd()) continue;
      if (open_.empty()) return at_ == text_.size();
      if (!Take(',')) return false;
      out_ += ", ";
      if (open_.back() == '}' && !ReadName()) return false;
    }
  }
  std::string Take() && { return std::move(out_); }

 private:
  // A scalar, or the bracket that opens a value; *closed is false when its first part comes next.
  bool ReadValue(bool* closed) {
    SkipBlanks();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c != '{' && c != '[') return c == '"' ? ReadString() : ReadWord();
    ++at_;
    out_ += c;
    open_ += c == '{' ? '}' : ']';
    SkipBlanks();
    // An empty one is closed by ReadEnd.
    *closed = at_ < text_.size() && text_[at_] == open_.back();
    return *closed || c == '[' || ReadName();
  }

  // The bracket that closes the innermost open value, if it comes.
  bool ReadEnd() {
    SkipBlanks();
    if (open_.empty() || !Take(open_.back())) return false;
    out_ += open_.back();
    open_.pop_back();
    return true;
  }

  bool ReadName() {
    SkipBlanks();
    if (!ReadString()) return false;
    SkipBlanks();
    if (!Take(':')) return false;
    out_ += ": ";
    return true;
  }

  bool ReadString() {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    const auto string = ReadJsonString(text_.substr(at_, end + 1 - at_));
    if (!string.has_value()) return false;
    AppendJsonString(*string, &out_);
    at_ = end + 1;
    return true;
  }

  bool ReadWord() {
    const size_t end = std::min(text_.find_first_of(" \t\r\n,:{}[]\"", at_), text_.size());
    const std::string_view word = text_.substr(at_, end - at_);
    if (word != "null" && word != "true" && word != "false" && !IsJsonNumber(word)) return false;
    out_ += word;
    at_ = end;
    return true;
  }

  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  const std::string_view text_;
  size_t at_ = 0;
  std::string open_;  // the brackets that are to close
  std::string out_;
};

}  // namespace

bool IsJsonNumber(std::string_view value) {
  size_t at = 0;
  const auto take = [&](std::string_view any) {
    const bool there = at < value.size() && any.find(value[at]) != std::string_view::npos;
    at += there;
    return there;
  };
  const auto digits = [&] {
    const size_t begin = at;
    while (at < value.size() && IsDigit(value[at])) ++at;
    return at > begin;
  };
  take("-");
  if (!take("0") && !digits()) return false;
  if (take(".") && !digits()) return false;
  if (take("eE")) {
    take("+-");
    if (!digits()) return false;
  }
  return at == value.size();
}

std::optional<std::string> NormalJson(std::string_view value) {
  Normalizer normalizer(value);
  if (!normalizer.Read()) return std::nullopt;
  return std::move(normalizer).Take();
}

}  // namespace quern::text
