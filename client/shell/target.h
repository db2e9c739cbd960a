// Where copies go: into a directory that is there, under their own names, else to the very path.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "client/shell/shell.h"

namespace quern::shell {

struct TargetPlace {
  std::string path;
  bool is_directory = false;
  // The path of a source's copy. What ends in "." or ".." has no name of its own to take along: its
  // contents go into the directory itself, as with cp -r.
  std::string For(std::string_view source) const;
};

// FailedPrecondition when several sources (or a path with a "/" at its end) need a directory and
// there is none.
absl::StatusOr<TargetPlace> FindTarget(Shell* shell, const std::string& path, bool slash,
                                       bool several);

// FailedPrecondition at and below kReservedDir, which users' commands do not change.
absl::Status CheckIsNotReserved(std::string_view path);

// Where the sources of one call go. Two that go to the same path would leave one, whichever comes
// last, even where the call may replace what others have put there.
class UsedTargets {
 public:
  struct Use {
    std::string target;
    std::string source;
  };
  // False when something goes there already: another source, which is told to shell->Report, or
  // this very one, which was named twice.
  bool Claim(Shell* shell, const Use& use);

 private:
  std::map<std::string, std::string> sources_;  // by target
};

}  // namespace quern::shell
