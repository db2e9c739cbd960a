// JSON lines: the fields of one object, and strings in and out. What a field holds is not looked at
// before somebody asks: numbers of any size and nesting of any depth pass through unchanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::text {

struct JsonField {
  std::string name;
  std::string_view value;  // as it stands in the line, without blanks around it
};

// The top-level fields of the object in `text`, in their order; nothing when it is no object.
// Blanks and a byte order mark may stand around it.
std::optional<std::vector<JsonField>> ReadJsonObject(std::string_view text);

// The elements of the array in `text`, as they stand there; nothing when it is no array.
std::optional<std::vector<std::string_view>> ReadJsonArray(std::string_view text);

// The last field of this name; nullptr when there is none.
const JsonField* FindField(const std::vector<JsonField>& fields, std::string_view name);

inline bool IsJsonString(std::string_view value) { return value.starts_with('"'); }

// The characters of a JSON string; nothing when `value` is none, or a broken one. Half a surrogate
// pair becomes U+FFFD. Of more than `most_bytes` the first ones are kept, which may end inside a
// character.
std::optional<std::string> ReadJsonString(std::string_view value, size_t most_bytes = SIZE_MAX);

// The string that the last field of this name holds; empty when there is none, or no string in it.
std::string StringField(const std::vector<JsonField>& fields, std::string_view name,
                        size_t most_bytes = SIZE_MAX);

// The same, and a number as it stands there: what may name a thing.
std::string NameField(const std::vector<JsonField>& fields, std::string_view name,
                      size_t most_bytes = SIZE_MAX);

// Appends `text` as a JSON string, quotes included. Bytes that are no UTF-8 become U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

// Makes one line: the fields in the order in which they are added.
class JsonObjectWriter {
 public:
  void AddString(std::string_view name, std::string_view text);
  // `value` is JSON already.
  void AddRaw(std::string_view name, std::string_view value);
  // The object; the writer starts anew.
  std::string Take();

 private:
  void AddName(std::string_view name);
  std::string line_;
};

}  // namespace quern::text
