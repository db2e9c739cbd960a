// A directory of this machine that belongs to one run of a command.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"
#include "common/thread.h"

namespace quern::mr {

// Goes with everything in it when the object does, and when SIGINT, SIGTERM or SIGHUP ends the
// process. One at a time. Used by one thread.
class PrivateDir {
 public:
  PrivateDir() = default;
  ~PrivateDir();
  PrivateDir(const PrivateDir&) = delete;
  PrivateDir& operator=(const PrivateDir&) = delete;

  // Makes it: "quern-NAME-XXXXXX" in $TMPDIR, else in /tmp. Once.
  absl::Status Make(std::string_view name);
  // Empty before Make.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Thread watch_;  // waits for such a signal
};

}  // namespace quern::mr
