// A JSON text (RFC 8259) taken apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quern::mr::parquet {

struct JsonField;

struct JsonValue {
  enum class Kind { kNull, kBool, kNumber, kText, kArray, kObject };
  Kind kind = Kind::kNull;
  bool truth = false;             // of kBool
  std::string_view raw;           // as it stands in the JSON text, which it points into
  std::string text;               // of kText: without quotes and escapes
  std::vector<JsonValue> items;   // of kArray
  std::vector<JsonField> fields;  // of kObject, in their order

  // "a number", for messages.
  std::string_view KindName() const;
  // Of a number.
  bool IsInteger() const { return raw.find_first_of(".eE") == std::string_view::npos; }
};

struct JsonField {
  std::string name;
  JsonValue value;
};

// At most so deep.
inline constexpr int kMaxJsonDepth = 100;

// True when all of `text` is one value; otherwise *error says what is wrong where. Text of strings
// is UTF-8 afterwards if `text` is.
bool ParseJson(std::string_view text, JsonValue* value, std::string* error);

}  // namespace quern::mr::parquet
