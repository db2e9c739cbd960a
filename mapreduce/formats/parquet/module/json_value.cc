#include "mapreduce/formats/parquet/module/json_value.h"

#include <cstdint>

namespace quern::mr::parquet {

namespace {

using Kind = JsonValue::Kind;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(uint32_t point, std::string* out) {
  const auto tail = [&](int shift) { *out += static_cast<char>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    *out += static_cast<char>(point);
  } else if (point < 0x800) {
    *out += static_cast<char>(0xC0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    *out += static_cast<char>(0xE0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    *out += static_cast<char>(0xF0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

class Parser {
 public:
  Parser(std::string_view text, std::string* error)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), error_(error) {}

  bool Document(JsonValue* value) {
    if (!Value(0, value)) return false;
    SkipBlanks();
    return at_ == end_ || Fail("something stands behind the value");
  }

 private:
  bool Fail(std::string_view what) {
    *error_ = std::string(what) + " at byte " + std::to_string(at_ - begin_);
    return false;
  }

  void SkipBlanks() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  // The next character that is no blank; NUL at the end.
  char Peek() {
    SkipBlanks();
    return at_ < end_ ? *at_ : '\0';
  }
  bool Take(char c) {
    if (Peek() != c || at_ == end_) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) {
      return Fail("no JSON value");
    }
    at_ += word.size();
    return true;
  }

  bool Value(int depth, JsonValue* value) {
    if (depth > kMaxJsonDepth) return Fail("nested too deeply");
    const char first = Peek();
    const char* const from = at_;
    if (!ValueOf(first, depth, value)) return false;
    value->raw = {from, static_cast<size_t>(at_ - from)};
    return true;
  }

  bool ValueOf(char first, int depth, JsonValue* value) {
    switch (first) {
      case '{':
        value->kind = Kind::kObject;
        return Object(depth, value);
      case '[':
        value->kind = Kind::kArray;
        return Array(depth, value);
      case '"':
        value->kind = Kind::kText;
        return String(&value->text);
      case 't':
        value->kind = Kind::kBool;
        value->truth = true;
        return TakeWord("true");
      case 'f':
        value->kind = Kind::kBool;
        return TakeWord("false");
      case 'n':
        return TakeWord("null");
      default:
        value->kind = Kind::kNumber;
        return Number();
    }
  }

  bool Object(int depth, JsonValue* value) {
    ++at_;
    if (Take('}')) return true;
    do {
      JsonField& field = value->fields.emplace_back();
      if (Peek() != '"') return Fail("no name of a field");
      if (!String(&field.name)) return false;
      if (!Take(':')) return Fail("no ':'");
      if (!Value(depth + 1, &field.value)) return false;
    } while (Take(','));
    return Take('}') || Fail("no '}'");
  }

  bool Array(int depth, JsonValue* value) {
    ++at_;
    if (Take(']')) return true;
    do {
      if (!Value(depth + 1, &value->items.emplace_back())) return false;
    } while (Take(','));
    return Take(']') || Fail("no ']'");
  }

  bool String(std::string* text) {
    ++at_;
    while (true) {
      const char* const from = at_;
      while (at_ < end_ && *at_ != '"' && *at_ != '\\' &&
             static_cast<unsigned char>(*at_) >= 0x20) {
        ++at_;
      }
      text->append(from, at_);
      if (at_ == end_) return Fail("a string has no end");
      if (*at_ == '"') break;
      if (*at_ != '\\') return Fail("a control character in a string");
      if (!Escape(text)) return false;
    }
    ++at_;
    return true;
  }

  bool Escape(std::string* text) {
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    ++at_;
    if (at_ == end_) return Fail("a string has no end");
    if (*at_ == 'u') return UnicodeEscape(text);
    const size_t which = kFrom.find(*at_);
    if (which == std::string_view::npos) return Fail("no escape");
    *text += kTo[which];
    ++at_;
    return true;
  }

  // Behind the backslash. Halves of pairs that stand alone become U+FFFD.
  bool UnicodeEscape(std::string* text) {
    constexpr uint32_t kReplacement = 0xFFFD;
    uint32_t point = 0;
    if (!Hex(&point)) return false;
    if (point >= 0xDC00 && point < 0xE000) point = kReplacement;
    if (point >= 0xD800 && point < 0xDC00) {
      const char* const behind = at_;
      uint32_t low = 0;
      const bool more = end_ - at_ >= 2 && at_[0] == '\\' && at_[1] == 'u';
      if (more) {
        ++at_;
        if (!Hex(&low)) return false;
      }
      if (low >= 0xDC00 && low < 0xE000) {
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = behind;
        point = kReplacement;
      }
    }
    AppendUtf8(point, text);
    return true;
  }

  // "u" and four digits.
  bool Hex(uint32_t* value) {
    if (end_ - at_ < 5) return Fail("no escape");
    for (int i = 1; i <= 4; ++i) {
      const char c = at_[i];
      const char low = static_cast<char>(c | 0x20);
      if (!IsDigit(c) && (low < 'a' || low > 'f')) return Fail("no escape");
      *value = *value << 4 | static_cast<uint32_t>(IsDigit(c) ? c - '0' : low - 'a' + 10);
    }
    at_ += 5;
    return true;
  }

  bool Digits() {
    const char* const from = at_;
    while (at_ < end_ && IsDigit(*at_)) ++at_;
    return at_ > from || Fail("no JSON value");
  }

  bool Number() {
    if (at_ < end_ && *at_ == '-') ++at_;
    const bool zero = at_ < end_ && *at_ == '0';
    const char* const from = at_;
    if (!Digits()) return false;
    if (zero && at_ - from > 1) return Fail("a number begins with 0");
    if (at_ < end_ && *at_ == '.') {
      ++at_;
      if (!Digits()) return false;
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      return Digits();
    }
    return true;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  std::string* const error_;
};

}  // namespace

std::string_view JsonValue::KindName() const {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "true or false";
    case Kind::kNumber:
      return "a number";
    case Kind::kText:
      return "a text";
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
  }
  return "";
}

bool ParseJson(std::string_view text, JsonValue* value, std::string* error) {
  return Parser(text, error).Document(value);
}

}  // namespace quern::mr::parquet
