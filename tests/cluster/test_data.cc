#include "tests/cluster/test_data.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <vector>

#include "tests/cluster/command.h"

namespace quern::testing {
namespace {

constexpr int kVocabulary = 20'000;

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

std::string RandomBytesOf(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
    const uint64_t word = random();
    std::memcpy(bytes.data() + i, &word, std::min(sizeof word, size - i));
  }
  return bytes;
}

std::string RandomText(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  std::string text;
  text.reserve(size + 16);
  for (size_t column = 0; text.size() < size;) {
    // 1/x of a uniform x: word k comes about 1/k as often as word 1.
    const int rank = static_cast<int>(std::pow(kVocabulary, unit(random)));
    const size_t before = text.size();
    fmt::format_to(std::back_inserter(text), "w{:x}", rank * 7919 % 1'000'003);
    column += text.size() - before + 1;
    text += column > 72 ? '\n' : ' ';
    if (column > 72) column = 0;
  }
  if (!text.empty()) text.back() = '\n';
  return text;
}

void WriteRandomFile(const std::string& path, size_t size, uint64_t seed) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << RandomBytesOf(size, seed);
}

std::string Sha256OfFile(const std::string& path) {
  const CommandResult result = RunCommand({"sha256sum", "--", path});
  EXPECT_EQ(result.exit_code, 0) << result.Describe();
  return result.out.substr(0, 64);
}

std::string GlobEscaped(std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    if (std::strchr("*?[]{}\\", c) != nullptr) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string CountWords(std::string_view text) {
  std::map<std::string_view, uint64_t> counts;
  constexpr std::string_view kBlank = " \t\n\v\f\r";
  for (size_t begin = text.find_first_not_of(kBlank); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBlank, begin), text.size());
    ++counts[text.substr(begin, end - begin)];
    begin = text.find_first_not_of(kBlank, end);
  }
  std::string out;
  for (const auto& [word, count] : counts)
    fmt::format_to(std::back_inserter(out), "{}\t{}\n", word, count);
  return out;
}

std::string SortLines(std::string_view text) {
  std::vector<std::string_view> lines = SplitLines(text);
  std::sort(lines.begin(), lines.end());
  std::string out;
  out.reserve(text.size());
  for (const std::string_view line : lines) out += line;
  return out;
}

}  // namespace quern::testing
