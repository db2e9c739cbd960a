// A directory of this machine that belongs to one run of a command.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "common/storage/file_io.h"

namespace quern::mr {

// Goes with everything in it when the object does. Used by one thread.
class PrivateDir {
 public:
  PrivateDir() = default;
  ~PrivateDir() {
    if (!path_.empty()) FileSystem::Real()->RemoveTree(path_).IgnoreError();
  }
  PrivateDir(const PrivateDir&) = delete;
  PrivateDir& operator=(const PrivateDir&) = delete;

  // Makes it: "quern-NAME-XXXXXX" in $TMPDIR, else in /tmp. Once.
  absl::Status Make(std::string_view name) {
    const char* const root = std::getenv("TMPDIR");
    std::string path =
        fmt::format("{}/quern-{}-XXXXXX", root != nullptr && *root != '\0' ? root : "/tmp", name);
    if (mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, path);
    path_ = std::move(path);
    return absl::OkStatus();
  }
  // Empty before Make.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace quern::mr
