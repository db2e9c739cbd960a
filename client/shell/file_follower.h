// What `tail -f` does next with its file, after each look at it. Pure.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>

#include "client/types.h"
#include "common/status.h"

namespace quern::shell {

class FileFollower {
 public:
  // `shown`: how far the file has been shown.
  FileFollower(const client::FileStatus& file, uint64_t shown);

  struct Next {
    absl::Status end = absl::OkStatus();  // not OK: there is nothing to be followed any more
    std::string note{};                   // something to be told first; empty: nothing
    InodeId inode{};                      // of the file whose bytes are to be shown now:
    uint64_t offset = 0;                  // none or more
    uint64_t length = 0;
    absl::Duration wait = absl::ZeroDuration();  // until the next look
  };
  // The file or the error that a look has found. Of a file that was replaced by another one, all of
  // that is shown. While nobody answers, it is waited.
  Next Look(const absl::StatusOr<client::FileStatus>& found);
  // So much more has been shown.
  void Showed(uint64_t bytes) { shown_ += bytes; }

 private:
  Next LookAgain(std::string note);

  const std::string path_;
  InodeId inode_;
  uint64_t shown_;
  std::optional<uint64_t> tried_from_;  // where the last bytes to be shown began
  bool told_complete_ = false;
  bool answers_ = true;
  absl::Duration wait_;
};

}  // namespace quern::shell
