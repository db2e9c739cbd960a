// What the value of a parameter looks like, where the spec of its job says so:
//   parameters = ["pattern: regex", "invert: flag", "n: 1..1000", "gap: 0..", "name"]
// A job looks at its values itself, in each of its tasks; this tells a slip before it is submitted.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/sizes.h"
#include "common/status.h"

namespace quern::mr {

class ParameterForm {
 public:
  // InvalidArgument names the forms there are.
  static absl::StatusOr<ParameterForm> Parse(std::string_view text);
  // InvalidArgument when a job would not understand the value.
  absl::Status Check(std::string_view value) const;

 private:
  enum class Kind : uint8_t { kRegex, kFlag, kNumber };
  ParameterForm(Kind kind, NumberRange range) : kind_(kind), range_(range) {}

  Kind kind_;
  NumberRange range_;  // of numbers
};

}  // namespace quern::mr
