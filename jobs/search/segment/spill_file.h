// Bytes that are too many for memory, until they are needed again.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/fd.h"
#include "common/storage/mapped_range.h"

namespace quern::search {

// A file without a name in $TMPDIR, which in a task is its own directory; made when something is
// written to it. What fails throws std::system_error. Used by one thread.
class SpillFile {
 public:
  SpillFile() = default;
  ~SpillFile() { Clear(); }
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  void Append(std::string_view bytes);
  uint64_t size() const { return size_; }
  // Everything, until the next change: a mapped file, whose pages belong to the file cache and not
  // to the process's memory.
  std::string_view View();
  // It takes no room on the disk any more.
  void Clear();

 private:
  void Open();

  UniqueFd fd_;
  uint64_t size_ = 0;
  MappedRange mapping_;
};

}  // namespace quern::search
