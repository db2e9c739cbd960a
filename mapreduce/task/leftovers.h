// What a run on this machine makes on the way and does not leave behind, however it ends: user code
// runs in its process and may end that at any moment, and so may a signal. The notes lie in memory
// that the run shares with the process that waits for it (guard.h).
#pragma once

#include <string>
#include <vector>

#include "common/fd.h"

namespace quern::mr {

// Made before the fork. In each process used by one thread.
class Leftovers {
 public:
  Leftovers();

  // Call it before `path` is made: file:///..., or one of the file system. Without memory for it
  // nothing is noted.
  void Note(const std::string& path);
  // All of them have been removed.
  void Clear();
  std::vector<std::string> paths() const;
  int fd() const { return file_.get(); }

 private:
  const UniqueFd file_;  // each path ends with a zero byte
};

}  // namespace quern::mr
