#include "jobs/json_document.h"

#include <cstddef>
#include <cstdint>

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr uint32_t kReplacement = 0xfffd;

void AppendUtf8(uint32_t code, std::string* out) {
  const auto add = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

bool IsHighSurrogate(uint32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

// Walks over one line. Every method returns false when the JSON is broken at this place.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool ReadObject(JsonDocument* document) {
    SkipBlanks();
    if (!Take('{')) return false;
    SkipBlanks();
    if (!Take('}')) {
      do {
        SkipBlanks();
        if (!ReadField(document)) return false;
        SkipBlanks();
      } while (Take(','));
      if (!Take('}')) return false;
    }
    SkipBlanks();
    return at_ == text_.size();
  }

 private:
  bool ReadField(JsonDocument* document) {
    std::string name;
    if (!ReadString(&name)) return false;
    SkipBlanks();
    if (!Take(':')) return false;
    SkipBlanks();
    if (name == "id") return ReadId(&document->id);
    if (name == "text") return ReadText(&document->text);
    return SkipValue();
  }

  bool ReadId(std::optional<std::string>* id) {
    id->reset();
    if (Peek() == '"') {
      std::string value;
      if (!ReadString(&value)) return false;
      if (!value.empty()) *id = std::move(value);
      return true;
    }
    const size_t start = at_;
    const bool number = Peek() == '-' || (Peek() >= '0' && Peek() <= '9');
    if (!SkipValue()) return false;
    if (number) *id = std::string(text_.substr(start, at_ - start));
    return true;
  }

  bool ReadText(std::optional<std::string>* text) {
    text->reset();
    return Peek() == '"' ? ReadString(&text->emplace()) : SkipValue();
  }

  // Brackets are counted, not matched: what they hold is not looked at.
  bool SkipValue() {
    size_t depth = 0;
    do {
      SkipBlanks();
      const char c = Peek();
      if (c == '"') {
        if (!SkipString()) return false;
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return false;
        --depth;
        ++at_;
      } else if (c == ',' || c == ':') {
        if (depth == 0) return false;
        ++at_;
      } else if (!SkipScalar()) {
        return false;
      }
      SkipBlanks();
    } while (depth > 0);
    return true;
  }

  bool SkipScalar() {
    const size_t start = at_;
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n,:{}[]\"").find(text_[at_]) == std::string_view::npos) {
      ++at_;
    }
    return at_ > start;
  }

  bool SkipString() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') return ++at_, true;
      if (text_[at_] == '\\') ++at_;
    }
    return false;
  }

  bool ReadString(std::string* out) {
    if (!Take('"')) return false;
    while (true) {
      size_t end = at_;
      while (end < text_.size() && text_[end] != '"' && text_[end] != '\\') ++end;
      if (end == text_.size()) return false;
      out->append(text_.substr(at_, end - at_));
      at_ = end + 1;
      if (text_[end] == '"') return true;
      if (!ReadEscape(out)) return false;
    }
  }

  bool ReadEscape(std::string* out) {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    if (c == 'u') return ReadUnicodeEscape(out);
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const size_t which = kNames.find(c);
    if (which == std::string_view::npos) return false;
    out->push_back(kMeanings[which]);
    return true;
  }

  bool ReadUnicodeEscape(std::string* out) {
    uint32_t unit = 0;
    if (!ReadHex(&unit)) return false;
    if (IsHighSurrogate(unit)) {
      const size_t before = at_;
      uint32_t low = 0;
      if (text_.substr(at_, 2) == "\\u" && (at_ += 2, ReadHex(&low)) && IsLowSurrogate(low)) {
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      } else {
        at_ = before;  // what follows stands for itself
        unit = kReplacement;
      }
    } else if (IsLowSurrogate(unit)) {
      unit = kReplacement;
    }
    AppendUtf8(unit, out);
    return true;
  }

  bool ReadHex(uint32_t* unit) {
    if (text_.size() - at_ < 4) return false;
    for (const char c : text_.substr(at_, 4)) {
      const char lower = static_cast<char>(c | 0x20);
      const bool digit = c >= '0' && c <= '9';
      if (!digit && !(lower >= 'a' && lower <= 'f')) return false;
      *unit = *unit << 4 | static_cast<uint32_t>(digit ? c - '0' : lower - 'a' + 10);
    }
    at_ += 4;
    return true;
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n')) {
      ++at_;
    }
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<JsonDocument> ReadJsonDocument(std::string_view line) {
  if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  JsonDocument document;
  if (!Scanner(line).ReadObject(&document)) return std::nullopt;
  return document;
}
