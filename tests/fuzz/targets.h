// Decoders of bytes from outside, as things that take any bytes at all.
//
// A target returns; what it must not do is crash, hang, read beyond its input or take memory
// without a bound. Where there is more to promise (pieces agree with the whole), it checks that as
// well and aborts.
#pragma once

#include <string_view>
#include <vector>

namespace quern::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
};

const std::vector<Target>& FormatTargets();      // files of jobs
const std::vector<Target>& WireTargets();        // specs, queries, plugins, messages, map output
const std::vector<Target>& SearchTargets();      // segments of the search index, the index of words
const std::vector<Target>& TextTargets();        // pages, encodings, addresses, JSON
const std::vector<Target>& VocabularyTargets();  // files of tokenisers, and texts to tokens

// Ends the process and says what does not hold.
void Require(bool condition, const char* what);

// What stands before the first `end`, which is taken away with it; all when there is none.
std::string_view TakeUpTo(char end, std::string_view* bytes);

}  // namespace quern::fuzz
