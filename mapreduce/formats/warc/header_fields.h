// "Name: value" lines, as WARC records and HTTP messages begin with them (ISO 28500, RFC 9112).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quern::mr {

// Used by one thread. Views point into the bytes that were parsed.
class HeaderFields {
 public:
  // Fields that follow one another in `lines`, up to an empty line or the end. A line that begins
  // with a blank goes on with the value before it; lines without a colon are passed over. Ends of
  // lines are CR LF or LF. Fields beyond kMaxFields are dropped.
  void Parse(std::string_view lines);
  // The value of the first field of this name, without blanks around it; names are compared without
  // regard to case. Empty when there is none.
  std::string_view Find(std::string_view name) const;
  size_t size() const { return fields_.size(); }

  static constexpr size_t kMaxFields = 1000;

 private:
  struct Field {
    std::string_view name;
    std::string_view value;
    int folded = -1;  // index into folded_ of a value that several lines make up
  };

  void Continue(std::string_view line);

  std::vector<Field> fields_;
  std::vector<std::string> folded_;
};

// Takes the next line off *text, without its end.
std::string_view TakeLine(std::string_view* text);
// Bytes up to and with the empty line that ends a head; npos when there is none.
size_t EndOfHead(std::string_view text);
std::string_view TrimBlanks(std::string_view text);
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

}  // namespace quern::mr
