// The kept inputs of every fuzz target, and changed copies of them, in the normal list of tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/targets.h"
#include "tests/support/random_test.h"

namespace quern::fuzz {
namespace {

constexpr int kChangedCopies = 30;
constexpr size_t kLongestCopied = 20'000;

std::vector<Target> AllTargets() {
  std::vector<Target> targets;
  for (const auto list :
       {FormatTargets, WireTargets, SearchTargets, TextTargets, VocabularyTargets}) {
    targets.insert(targets.end(), list().begin(), list().end());
  }
  return targets;
}

std::vector<std::string> Corpus(std::string_view target) {
  std::vector<std::string> inputs;
  const std::filesystem::path dir = std::filesystem::path(QUERN_FUZZ_CORPUS) / target;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    std::ifstream in(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

class FuzzReplayTest : public RandomTest {
 protected:
  std::string Changed(std::string bytes) {
    for (uint64_t changes = 1 + Below(4); changes > 0; --changes) {
      const size_t at = Below(bytes.size() + 1);
      if (OneIn(4)) bytes.insert(at, bytes.substr(Below(bytes.size() + 1), Below(40)));
      if (OneIn(4)) bytes.erase(std::min(at, bytes.size()), Below(40));
      if (at < bytes.size()) bytes[at] = static_cast<char>(Below(256));
    }
    return bytes;
  }
};

TEST_F(FuzzReplayTest, EveryKeptInputIsStillHarmless) {
  for (const Target& target : AllTargets()) {
    const std::vector<std::string> corpus = Corpus(target.name);
    ASSERT_GE(corpus.size(), 2u) << target.name;
    for (const std::string& bytes : corpus) target.run(bytes);
    target.run("");
  }
}

TEST_F(FuzzReplayTest, ChangedCopiesAreHarmlessToo) {
  for (const Target& target : AllTargets()) {
    for (const std::string& bytes : Corpus(target.name)) {
      if (bytes.size() > kLongestCopied) continue;
      for (int i = 0; i < kChangedCopies; ++i) target.run(Changed(bytes));
    }
  }
}

}  // namespace
}  // namespace quern::fuzz
