#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.h"

namespace quern::fuzz {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

std::string_view TakeUpTo(char end, std::string_view* bytes) {
  const size_t at = std::min(bytes->find(end), bytes->size());
  const std::string_view taken = bytes->substr(0, at);
  bytes->remove_prefix(std::min(at + 1, bytes->size()));
  return taken;
}

}  // namespace quern::fuzz
