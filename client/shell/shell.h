// What the commands of `dfs` work with: the file system, the two outputs, globs, the exit code.
//
// stdout is data, stderr is errors, warnings and progress. With --json both are one object per
// line.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/file_system.h"
#include "common/cli/json_line.h"
#include "common/cli/progress.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::shell {

struct ShellOptions {
  std::vector<std::string> masters;
  bool json = false;
  bool quiet = false;
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// Output and Report may be used by several threads.
class Shell {
 public:
  Shell(std::string command, ShellOptions options);
  ~Shell();

  client::FileSystem* fs() { return fs_.get(); }
  const std::vector<std::string>& masters() const { return options_.masters; }
  bool json() const { return options_.json; }

  void Print(std::string_view text);
  // The object and a line end.
  void Print(const JsonLine& line);
  // Bytes of files: written at once, past the buffer of Print. An error is that of stdout.
  absl::Status WriteBytes(std::string_view bytes);

  // One line on stderr; the exit code becomes 1 and the command goes on. `path` is put in front
  // when the message does not name it.
  void Report(const absl::Status& status, std::string_view path = "");
  void Warn(std::string_view text);
  // A progress display for a step of `total` units.
  std::unique_ptr<Progress> StartProgress(std::string_view name, uint64_t total,
                                          ProgressOptions::Unit unit);

  // The paths that a pattern stands for. One without wildcards is taken as it is, here or not; one
  // that matches nothing is tried as a plain name, then reported.
  std::vector<std::string> Expand(const std::string& pattern);
  std::vector<std::string> Expand(const std::vector<std::string>& patterns);
  // The same, each with its status; what is not there is reported.
  std::vector<client::FileStatus> ExpandAndStat(const std::vector<std::string>& patterns);
  // None when there is nothing of that name.
  absl::StatusOr<std::optional<client::FileStatus>> StatIfExists(std::string_view path);

  void set_exit_code(int code);
  // After everything was printed: 1 when stdout could not take it.
  int Finish();

 private:
  const std::string command_;
  const ShellOptions options_;
  const std::unique_ptr<client::FileSystem> fs_;
  Mutex mutex_;
  int exit_code_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A path of the cluster as a person wrote it: "/a//b/" -> "/a/b". InvalidArgument when it does not
// begin with "/".
absl::StatusOr<std::string> CleanPath(std::string_view path);
// "/a/b" -> "/a" and "b".
std::string ParentOf(std::string_view path);
std::string BaseName(std::string_view path);
std::string JoinPath(std::string_view directory, std::string_view name);

// {"error": {"code", "message", "path", "hint"}}
JsonLine ErrorJson(const absl::Status& status, std::string_view path);

}  // namespace quern::shell
