// Records of the sort benchmark (sortbenchmark.org), as its generator gensort makes them with -a:
// 100 bytes, a key of 10 printable characters, the record's number, filler, CR LF.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace quern::classic {

inline constexpr size_t kSortRecordBytes = 100;
inline constexpr size_t kSortKeyBytes = 10;

// Makes records number `first`, first + 1, ...
class SortRecordGenerator {
 public:
  explicit SortRecordGenerator(uint64_t first);

  // The next record; lives until the next call.
  std::string_view Next();

 private:
  __extension__ using Number = unsigned __int128;

  Number random_;
  uint64_t number_;
  std::array<char, kSortRecordBytes> record_;
};

}  // namespace quern::classic
