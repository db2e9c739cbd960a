// What the value of a parameter looks like, where the spec of its job says so:
//   parameters = ["pattern: regex", "invert: flag", "n: 1..1000", "gap: 0..", "damping: real 0..1",
//                 "keep: first|longest", "words_min: real|off", "languages: list any|language",
//                 "field: name", "stopwords: file", "anything"]
// A job looks at its values itself, in each of its tasks; this tells a slip before it is submitted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/sizes.h"
#include "common/status.h"

namespace quern::mr {

class ParameterForm {
 public:
  // InvalidArgument names the forms there are.
  static absl::StatusOr<ParameterForm> Parse(std::string_view text);
  // InvalidArgument when a job would not understand the value. `files` are the names of the job's
  // side files.
  absl::Status Check(std::string_view value, const std::vector<std::string>& files = {}) const;
  // True or false, and nothing else.
  bool is_flag() const;
  // What stands for a value in help: "N", "main|all", "title|body,...".
  std::string Type() const;

 private:
  enum class Kind : uint8_t { kRegex, kFlag, kNumber, kReal, kLanguage, kName, kFile, kWord };
  struct Choice {
    Kind kind = Kind::kName;
    NumberRange range = {};  // of kNumber
    double low = 0;          // of kReal
    double high = 0;
    // Of kWord. count(*) stands for count and any text in parentheses.
    std::string word = {};
  };
  ParameterForm() = default;
  static absl::StatusOr<Choice> ParseChoice(std::string_view text);
  static absl::Status CheckChoice(const Choice& choice, std::string_view value,
                                  const std::vector<std::string>& files);
  static std::string Describe(const Choice& choice);
  absl::Status CheckOne(std::string_view value, const std::vector<std::string>& files) const;

  bool is_list_ = false;
  std::vector<Choice> choices_;  // one of which is enough
};

}  // namespace quern::mr
