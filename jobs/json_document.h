// What an index needs of one JSON object: its top-level "id" and "text".
#pragma once

#include <optional>
#include <string>
#include <string_view>

struct JsonDocument {
  // A string, or a number as it stands there. Absent when it is missing, empty or anything else.
  std::optional<std::string> id;
  // A string. Absent when it is missing, null or anything else.
  std::optional<std::string> text;
};

// The document in a line of JSON; nothing when it is no object. Blanks and a byte order mark may
// stand around it. Other fields are passed over whatever they hold: numbers of any size, nesting of
// any depth. Half a surrogate pair becomes U+FFFD. Of a field that comes twice the last one counts.
std::optional<JsonDocument> ReadJsonDocument(std::string_view line);
