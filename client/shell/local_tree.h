// Files and directories of this machine that are to be copied.
#pragma once

#include <absl/time/time.h>
#include <dirent.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/status.h"

namespace quern::shell {

struct LocalEntry {
  std::string path;
  std::string relative;  // below the root of the walk; empty for the root itself
  bool is_directory = false;
  uint64_t size = 0;
  uint32_t mode = 0;  // permission bits, with setuid, setgid and sticky bit
  absl::Time mtime;
};

struct LocalTree {
  std::vector<LocalEntry> entries;   // parents before children, siblings in byte order
  uint64_t links = 0;                // that stand for nothing (Links::kSkip)
  std::vector<std::string> skipped;  // neither files nor directories, or not readable; why in words
};

// What links below the root stand for; the root itself may always be one.
enum class Links {
  kFiles,   // those to files for the files; those to directories are told as skipped
  kFollow,  // for what they name, but for a directory that the link lies in
  kSkip,    // nothing; they are only counted
};

struct LocalTreeOptions {
  std::vector<std::string> exclude = {};  // patterns for names or relative paths
  Links links = Links::kFiles;
};

// What an open directory has, sorted; an error when not all of it can be read.
absl::StatusOr<std::vector<std::string>> NamesIn(DIR* directory);

// `root` is a file or a directory. NotFound when it is not there; what cannot be read below it is
// listed as skipped.
absl::StatusOr<LocalTree> ListLocalTree(const std::string& root, const LocalTreeOptions& options);

}  // namespace quern::shell
