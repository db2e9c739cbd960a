// One target under libFuzzer: QUERN_FUZZ_TARGET names it, QUERN_FUZZ_TARGETS the list it is in.
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const quern::fuzz::Target* const target = [] {
    for (const quern::fuzz::Target& one : quern::fuzz::QUERN_FUZZ_TARGETS()) {
      if (one.name == QUERN_FUZZ_TARGET) return &one;
    }
    std::abort();
  }();
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
