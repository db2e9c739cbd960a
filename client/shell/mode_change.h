// What chmod's first argument asks for: "0644", "755", "u+x,go-w", "a=rX", "+t".
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::shell {

class ModeChange {
 public:
  // InvalidArgument when `text` is neither octal nor symbolic.
  static absl::StatusOr<ModeChange> Parse(std::string_view text);
  // The new permission bits of a file that has `mode`. X sets x on directories and on files that
  // are executable for somebody.
  uint32_t Apply(uint32_t mode, bool directory) const;

 private:
  struct Clause {
    uint32_t who = 0;  // bits that it may touch, as a mask of 01777
    char operation = '=';
    uint32_t bits = 0;  // as if for everybody
    bool conditional_x = false;
  };
  static absl::StatusOr<Clause> ParseClause(std::string_view text);
  std::vector<Clause> clauses_;
};

}  // namespace quern::shell
