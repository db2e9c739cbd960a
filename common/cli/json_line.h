// One JSON object on one line: what --json prints.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern {

// Keys stay in the order in which they were added. JSON is UTF-8 and names are any bytes: in a text
// that is not UTF-8 wrong bytes are replaced by U+FFFD, and a second key, with "_base64" behind the
// first one's name, has the text byte for byte.
class JsonLine {
 public:
  JsonLine();
  ~JsonLine();
  JsonLine(JsonLine&&) noexcept;
  JsonLine& operator=(JsonLine&&) noexcept;

  JsonLine& Add(std::string_view key, std::string_view text);
  JsonLine& Add(std::string_view key, const char* text) { return Add(key, std::string_view(text)); }
  JsonLine& Add(std::string_view key, uint64_t number);
  JsonLine& Add(std::string_view key, int64_t number);
  JsonLine& Add(std::string_view key, uint32_t number) { return Add(key, uint64_t{number}); }
  JsonLine& Add(std::string_view key, int number) { return Add(key, int64_t{number}); }
  JsonLine& Add(std::string_view key, double number);
  JsonLine& Add(std::string_view key, bool value);
  JsonLine& Add(std::string_view key, const JsonLine& object);
  JsonLine& Add(std::string_view key, const std::vector<JsonLine>& objects);
  // Texts of which nobody needs wrong bytes: those are replaced by U+FFFD.
  JsonLine& Add(std::string_view key, const std::vector<std::string>& texts);

  // Without a line end.
  std::string ToString() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// {"error": {"code": "NOT_FOUND", "message": ...}}: what a command that failed says with --json.
JsonLine ErrorJson(const absl::Status& status);
// {"warning": TEXT}: what one that goes on says besides, on stderr.
JsonLine WarningJson(std::string_view text);

}  // namespace quern
