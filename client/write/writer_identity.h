// What a writer knows of its file.
#pragma once

#include <string>
#include <string_view>

#include "common/ids.h"
#include "common/status.h"

namespace quern::client {

struct WriterIdentity {
  std::string path;
  InodeId inode;
  std::string token;
};

// An error about a file that is being written: the master knows it by its last name only, the
// caller by its path.
absl::Status OfFile(const absl::Status& status, std::string_view path);

}  // namespace quern::client
