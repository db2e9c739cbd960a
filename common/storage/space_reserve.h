// A file that holds disk space for bad times: when the disk is full, giving it back is what lets a
// database be opened, finish what it has begun, and delete.
#pragma once

#include <cstdint>
#include <string>

#include "common/mutex.h"
#include "common/storage/file_io.h"

namespace quern {

// Thread-safe.
class SpaceReserve {
 public:
  // What a file of this name holds already counts.
  SpaceReserve(FileSystem* fs, std::string path, uint64_t bytes);

  // Takes the space, unless it is held. ResourceExhausted: there is not as much again besides it,
  // so that the next few writes would need it back.
  absl::Status Take();
  // Gives it back. False when there was nothing to give.
  bool Release();
  bool held() const;
  const std::string& path() const { return path_; }

 private:
  FileSystem* const fs_;
  const std::string path_;
  const uint64_t bytes_;
  mutable Mutex mutex_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern
