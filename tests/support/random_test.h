// A fixture for tests with random input: the seed is new in every run and printed on failure with
// the command that replays it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "common/random.h"

namespace quern {

class RandomTest : public ::testing::Test {
 protected:
  RandomTest() : seed_(ChooseSeed()), random_(seed_) {}
  ~RandomTest() override {
    if (!HasFailure()) return;
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::cerr << "replay: QUERN_SEED=" << seed_ << " " << ::testing::internal::GetArgvs().front()
              << " --gtest_filter=" << info->test_suite_name() << "." << info->name() << "\n";
  }

  // Uniform in [0, n); n > 0.
  uint64_t Below(uint64_t n) { return random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  uint64_t seed() const { return seed_; }

 private:
  static uint64_t ChooseSeed() {
    const char* text = std::getenv("QUERN_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : RandomId() >> 32;
  }

 protected:
  const uint64_t seed_;
  Random random_;
};

}  // namespace quern
