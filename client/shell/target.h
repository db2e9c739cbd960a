// Where copies go: into a directory that is there, under their own names, else to the very path.
#pragma once

#include <string>
#include <string_view>

#include "client/shell/shell.h"

namespace quern::shell {

struct TargetPlace {
  std::string path;
  bool is_directory = false;
  // The path of a source's copy.
  std::string For(std::string_view source) const {
    return is_directory ? JoinPath(path, BaseName(source)) : path;
  }
};

// FailedPrecondition when several sources (or a path with a "/" at its end) need a directory and
// there is none.
absl::StatusOr<TargetPlace> FindTarget(Shell* shell, const std::string& path, bool slash,
                                       bool several);

}  // namespace quern::shell
