// Data of tests: made from a seed, compared by digest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quern::testing {

// Bytes of any value.
std::string RandomBytesOf(size_t size, uint64_t seed);
// Lines of lower-case words, some frequent and most rare; ends in a newline unless empty.
std::string RandomText(size_t size, uint64_t seed);
void WriteRandomFile(const std::string& path, size_t size, uint64_t seed);

// Lower-case hexadecimal digits, by sha256sum.
std::string Sha256OfFile(const std::string& path);

// A glob pattern that matches exactly `path`.
std::string GlobEscaped(std::string_view path);

// What `sort | uniq -c` says of the words of `text`: "word<TAB>count" lines in byte order.
std::string CountWords(std::string_view text);
// The lines of `text` in byte order.
std::string SortLines(std::string_view text);

}  // namespace quern::testing
