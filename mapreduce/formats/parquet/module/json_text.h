// Writes values as JSON.
#pragma once

#include <string>
#include <string_view>

namespace quern::mr::parquet {

// With quotes; bytes that are not UTF-8 become U+FFFD.
void AppendJsonText(std::string_view text, std::string* out);
// The shortest digits that read back as the number; "NaN", "Infinity" and "-Infinity" as texts,
// since JSON has no such numbers.
void AppendJsonNumber(double number, std::string* out);
void AppendJsonNumber(float number, std::string* out);
// Base64 (RFC 4648), with quotes.
void AppendBase64(std::string_view bytes, std::string* out);

// What base64 text stands for; false when it is none.
bool DecodeBase64(std::string_view text, std::string* bytes);

}  // namespace quern::mr::parquet
