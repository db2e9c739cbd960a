#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.h"

namespace quern::fuzz {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

}  // namespace quern::fuzz
