// Which stage of a pipeline a record comes from.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mapreduce/api/map_input.h"

namespace quern::corpus {

inline constexpr size_t kMaxStageBytes = 200;

// The tag of the input; without one the directory that the file lies in: "tagged" of
// /corpus/tagged/part-m-00000.
inline std::string StageOf(const InputSource& source) {
  std::string_view name = source.tag();
  if (name.empty()) {
    const size_t end = source.path.rfind('/');
    if (end == std::string_view::npos || end == 0) return std::string(source.path);
    const size_t begin = source.path.rfind('/', end - 1) + 1;  // npos + 1 is 0
    name = source.path.substr(begin, end - begin);
  }
  return std::string(name.substr(0, kMaxStageBytes));
}

}  // namespace quern::corpus
