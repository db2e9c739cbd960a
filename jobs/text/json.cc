#include "jobs/text/json.h"

#include <algorithm>
#include <utility>

#include "jobs/text/ascii_blocks.h"
#include "jobs/text/json_normal.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool IsHighSurrogate(uint32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

// Walks over one object. Methods return false when the JSON is broken at this place.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  bool ReadObject(std::vector<JsonField>* fields) {
    SkipBlanks();
    if (!Take('{')) return false;
    SkipBlanks();
    if (!Take('}')) {
      do {
        SkipBlanks();
        if (!ReadField(&fields->emplace_back())) return false;
        SkipBlanks();
      } while (Take(','));
      if (!Take('}')) return false;
    }
    SkipBlanks();
    return at_end();
  }

  bool ReadArray(std::vector<std::string_view>* elements) {
    SkipBlanks();
    if (!Take('[')) return false;
    SkipBlanks();
    if (!Take(']')) {
      do {
        SkipBlanks();
        const size_t start = at_;
        if (!SkipValue()) return false;
        elements->push_back(text_.substr(start, at_ - start));
        SkipBlanks();
      } while (Take(','));
      if (!Take(']')) return false;
    }
    SkipBlanks();
    return at_end();
  }

  // Of more than `most_bytes` the first ones go to `out`, which is empty.
  bool ReadString(std::string* out, size_t most_bytes = SIZE_MAX) {
    if (!Take('"')) return false;
    while (true) {
      const size_t end = FindEither(text_, at_, '"', '\\');
      if (end == text_.size()) return false;
      out->append(text_.substr(at_, std::min(end - at_, most_bytes - out->size())));
      at_ = end + 1;
      if (text_[end] == '"') return true;
      if (!ReadEscape(out)) return false;
      if (out->size() > most_bytes) out->resize(most_bytes);
    }
  }

  bool at_end() const { return at_ == text_.size(); }

 private:
  bool ReadField(JsonField* field) {
    if (!ReadString(&field->name)) return false;
    SkipBlanks();
    if (!Take(':')) return false;
    SkipBlanks();
    const size_t start = at_;
    if (!SkipValue()) return false;
    field->value = text_.substr(start, at_ - start);
    return true;
  }

  // Brackets are counted, not matched: what they hold is not looked at.
  bool SkipValue() {
    size_t depth = 0;
    while (true) {
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
      if (depth == 0) return true;
      SkipBlanks();
    }
  }

  bool SkipScalar() {
    const size_t start = at_;
    while (!at_end() &&
           std::string_view(" \t\r\n,:{}[]\"").find(text_[at_]) == std::string_view::npos) {
      ++at_;
    }
    return at_ > start;
  }

  bool SkipString() {
    for (++at_; (at_ = FindEither(text_, at_, '"', '\\')) < text_.size(); ++at_) {
      if (text_[at_] == '"') return ++at_, true;
      if (++at_ == text_.size()) return false;
    }
    return false;
  }

  bool ReadEscape(std::string* out) {
    if (at_end()) return false;
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
      }
    }
    AppendUtf8(unit, out);  // half a pair becomes U+FFFD there
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

  char Peek() const { return at_end() ? '\0' : text_[at_]; }
  bool Take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() {
    while (!at_end() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
  }

  const std::string_view text_;
  size_t at_ = 0;
};

// What a byte below 0x80 needs in a JSON string: nothing, or an escape.
bool NeedsEscape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

void AppendEscape(unsigned char c, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  out->push_back('\\');
  switch (c) {
    case '\n':
      return out->push_back('n');
    case '\t':
      return out->push_back('t');
    case '\r':
      return out->push_back('r');
    case '"':
    case '\\':
      return out->push_back(static_cast<char>(c));
    default:
      out->append("u00").append(1, kDigits[c >> 4]).append(1, kDigits[c & 15]);
  }
}

}  // namespace

std::optional<std::vector<JsonField>> ReadJsonObject(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<JsonField> fields;
  if (!JsonScanner(text).ReadObject(&fields)) return std::nullopt;
  return fields;
}

std::optional<std::vector<std::string_view>> ReadJsonArray(std::string_view text) {
  std::vector<std::string_view> elements;
  if (!JsonScanner(text).ReadArray(&elements)) return std::nullopt;
  return elements;
}

const JsonField* FindField(const std::vector<JsonField>& fields, std::string_view name) {
  for (size_t i = fields.size(); i > 0; --i) {
    if (fields[i - 1].name == name) return &fields[i - 1];
  }
  return nullptr;
}

std::optional<std::string> ReadJsonString(std::string_view value, size_t most_bytes) {
  JsonScanner scanner(value);
  std::string text;
  if (!scanner.ReadString(&text, most_bytes) || !scanner.at_end()) return std::nullopt;
  return text;
}

std::string StringField(const std::vector<JsonField>& fields, std::string_view name,
                        size_t most_bytes) {
  const JsonField* const field = FindField(fields, name);
  return field == nullptr ? "" : ReadJsonString(field->value, most_bytes).value_or("");
}

std::string NameField(const std::vector<JsonField>& fields, std::string_view name,
                      size_t most_bytes) {
  const JsonField* const field = FindField(fields, name);
  const bool number = field != nullptr && IsJsonNumber(field->value);
  return number ? std::string(field->value.substr(0, most_bytes))
                : StringField(fields, name, most_bytes);
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t copied = 0;
  for (size_t at = 0; at < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[at]);
    if (c < 0x80 && !NeedsEscape(c)) {
      ++at;
      continue;
    }
    const Character character = CharacterAt(text, at);
    if (c >= 0x80 && character.code != kBadByte) {
      at += character.size;
      continue;
    }
    out->append(text.substr(copied, at - copied));
    c >= 0x80 ? AppendUtf8(kReplacementCharacter, out) : AppendEscape(c, out);
    copied = ++at;
  }
  out->append(text.substr(copied)).push_back('"');
}

void JsonObjectWriter::AddString(std::string_view name, std::string_view text) {
  AddName(name);
  AppendJsonString(text, &line_);
}

void JsonObjectWriter::AddRaw(std::string_view name, std::string_view value) {
  AddName(name);
  line_.append(value);
}

std::string JsonObjectWriter::Take() {
  if (line_.empty()) line_ = "{";
  std::string line = std::move(line_) + "}";
  line_.clear();
  return line;
}

void JsonObjectWriter::AddName(std::string_view name) {
  line_.append(line_.empty() ? "{" : ", ");
  AppendJsonString(name, &line_);
  line_.append(": ");
}

}  // namespace quern::text
