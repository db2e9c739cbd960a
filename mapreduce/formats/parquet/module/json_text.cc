#include "mapreduce/formats/parquet/module/json_text.h"

#include <arrow/util/utf8.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace quern::mr::parquet {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool IsPlain(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; }

void AppendEscape(char c, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      *out += "\\\"";
      return;
    case '\\':
      *out += "\\\\";
      return;
    case '\n':
      *out += "\\n";
      return;
    case '\r':
      *out += "\\r";
      return;
    case '\t':
      *out += "\\t";
      return;
    default:
      *out += "\\u00";
      *out += kHex[static_cast<unsigned char>(c) >> 4];
      *out += kHex[c & 15];
  }
}

// Of a text that is UTF-8.
void AppendEscaped(std::string_view text, std::string* out) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsPlain(text[i])) continue;
    out->append(text, begin, i - begin);
    AppendEscape(text[i], out);
    begin = i + 1;
  }
  out->append(text, begin);
}

// Bytes of the character that `text` begins with; 0 when it begins with none.
size_t CharacterBytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (bytes > text.size()) return 0;
  return arrow::util::ValidateUTF8(text.substr(0, bytes)) ? bytes : 0;
}

template <typename Number>
void AppendNumber(Number number, std::string* out) {
  if (!std::isfinite(number)) {
    *out += std::isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  char digits[64];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), number);
  out->append(digits, end);
}

int Base64Value(char c) {
  static const auto values = [] {
    std::array<int8_t, 256> all{};
    all.fill(-1);
    for (int i = 0; i < 64; ++i)
      all[static_cast<unsigned char>(kBase64[i])] = static_cast<int8_t>(i);
    return all;
  }();
  return values[static_cast<unsigned char>(c)];
}

}  // namespace

void AppendJsonText(std::string_view text, std::string* out) {
  *out += '"';
  if (arrow::util::ValidateUTF8(text)) {
    AppendEscaped(text, out);
  } else {
    while (!text.empty()) {
      const size_t bytes = CharacterBytes(text);
      AppendEscaped(bytes == 0 ? kReplacement : text.substr(0, bytes), out);
      text.remove_prefix(bytes == 0 ? 1 : bytes);
    }
  }
  *out += '"';
}

void AppendJsonNumber(double number, std::string* out) { AppendNumber(number, out); }
void AppendJsonNumber(float number, std::string* out) { AppendNumber(number, out); }

void AppendBase64(std::string_view bytes, std::string* out) {
  *out += '"';
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      *out += i + j <= bytes.size() ? kBase64[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  *out += '"';
}

bool DecodeBase64(std::string_view text, std::string* bytes) {
  bytes->clear();
  if (text.size() % 4 != 0) return false;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = Base64Value(c);
    if (value < 0) return false;
    group = (group << 6 | static_cast<uint32_t>(value)) & 0xFFFF;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    *bytes += static_cast<char>(group >> bits & 0xFF);
  }
  return true;
}

}  // namespace quern::mr::parquet
