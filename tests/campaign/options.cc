#include "tests/campaign/options.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "common/random.h"

namespace quern::campaign {
namespace {

Options* Mutable() {
  static auto* const options = new Options;
  return options;
}

[[noreturn]] void Usage(std::string_view what) {
  std::cerr << what << ". Try: [--minutes N] [--seed S] [--megabytes N]\n";
  std::exit(2);
}

uint64_t NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    Usage(std::string(text) + " is no number");
  }
  return number;
}

}  // namespace

const Options& Get() { return *Mutable(); }

void Parse(int* argc, char** argv) {
  ::testing::InitGoogleTest(argc, argv);
  Mutable()->seed = RandomId() >> 40;
  for (int i = 1; i < *argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 >= *argc) Usage(std::string(flag) + ": unknown, or without its value");
    if (flag == "--minutes") {
      Mutable()->duration = absl::Minutes(static_cast<double>(NumberOf(argv[i + 1])));
    } else if (flag == "--seed") {
      Mutable()->seed = NumberOf(argv[i + 1]);
    } else if (flag == "--megabytes") {
      Mutable()->megabytes = NumberOf(argv[i + 1]);
    } else {
      Usage(std::string(flag) + ": unknown flag");
    }
  }
  *argc = 1;
}

}  // namespace quern::campaign
