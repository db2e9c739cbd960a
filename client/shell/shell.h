// What the commands of `dfs` work with: the file system, the two outputs, globs, the exit code.
//
// stdout is data, stderr is errors, warnings and progress. With --json both are one object per
// line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/file_system.h"
#include "client/path.h"
#include "common/cli/json_line.h"
#include "common/cli/output.h"
#include "common/cli/progress.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::shell {

struct ShellOptions {
  std::vector<std::string> masters;
  bool json = false;
  bool quiet = false;
  bool literal = false;  // paths are names, never patterns
  Output* out = &Out();
  Output* err = &Err();
  Clock* clock = Clock::Real();
};

// Output and Report may be used by several threads.
class Shell {
 public:
  Shell(std::string command, ShellOptions options);
  ~Shell();

  client::FileSystem* fs() { return fs_.get(); }
  const std::vector<std::string>& masters() const { return options_.masters; }
  bool json() const { return options_.json; }
  Clock& clock() const { return *options_.clock; }

  void Print(std::string_view text);
  // The object and a line end.
  void Print(const JsonLine& line);
  // A name or path as it is shown: on a terminal in one line, whatever is in it.
  std::string Shown(std::string_view name) const;
  // Bytes of files: written at once, as they are.
  absl::Status WriteBytes(std::string_view bytes);
  // Stdout could not take something: what is still to be printed is lost, too. Needs no report.
  bool output_failed() const { return options_.out->failed(); }

  // One line on stderr; the exit code becomes 1 and the command goes on. `path` is put in front
  // when the message does not name it.
  void Report(const absl::Status& status, std::string_view path = "");
  // A line on stderr, with --quiet as well; with --json {"warning": TEXT}.
  void Warn(std::string_view text);
  // How it goes on, for people: not with --quiet, and no more than progress with --json.
  void Note(std::string_view text);
  // A progress display for a step of `total` units.
  std::unique_ptr<Progress> StartProgress(std::string_view name, uint64_t total,
                                          ProgressOptions::Unit unit);

  // The paths that an argument stands for (FileSystem::Glob). One that can be no pattern is taken
  // as it is, here or not; a pattern that matches nothing is reported, and so is a path that does
  // not begin with "/". With --literal nothing is a pattern.
  std::vector<std::string> Expand(const std::string& pattern);
  std::vector<std::string> Expand(const std::vector<std::string>& patterns);
  // The same, each with its status; what is not there is reported.
  std::vector<client::FileStatus> ExpandAndStat(const std::vector<std::string>& patterns);
  // None when there is nothing of that name.
  absl::StatusOr<std::optional<client::FileStatus>> StatIfExists(std::string_view path);

  void set_exit_code(int code);
  int exit_code();

 private:
  void Say(std::string_view text);

  const std::string command_;
  const ShellOptions options_;
  const std::unique_ptr<client::FileSystem> fs_;
  Mutex mutex_;
  int exit_code_ ABSL_GUARDED_BY(mutex_) = 0;
};

using client::BaseName;
using client::CleanPath;
using client::JoinPath;
using client::ParentOf;

// {"error": {"code", "message", "path", "hint"}}
JsonLine ErrorJson(const absl::Status& status, std::string_view path);

}  // namespace quern::shell
