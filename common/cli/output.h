// What programs say: stdout is data, stderr is for people.
//
// Nothing throws or aborts when the disk is full or nobody reads: the first failure is kept, and a
// program ends through EndOutput, which makes it one line and the exit code 1. On a terminal,
// control characters in names and texts of users are shown as \x1b and the like, as coreutils do;
// what goes to a file or a pipe is written as it is.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <string_view>

#include "common/status.h"

namespace quern {

// A stream that the process does not own. Thread-safe; one call is one piece of output.
class Output {
 public:
  explicit Output(std::FILE* file);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Buffered; cleaned when it goes to a terminal.
  void Print(std::string_view text);
  template <typename... Args>
  void Format(fmt::format_string<Args...> format, Args&&... args) {
    Print(fmt::format(format, std::forward<Args>(args)...));
  }
  // Bytes of files and commands to a terminal: at once, as they are.
  absl::Status Write(std::string_view bytes);
  // Empties the buffer. The first failure of all, also when this call does not fail.
  absl::Status Flush();
  // The same when all has been said. Where the disk is another machine's, or has a quota, only a
  // close may tell that the bytes found no room: a copy of the descriptor is closed.
  absl::Status End();
  // Nobody reads the other end any more.
  bool broken_pipe() const;
  bool failed() const { return error_.load() != 0; }
  bool is_terminal() const { return terminal_; }
  std::FILE* file() const { return file_; }

 private:
  void Failed(int error_number);

  std::FILE* const file_;
  const bool terminal_;
  std::atomic<int> error_{0};  // errno of the first failure
};

// stdout and stderr.
Output& Out();
Output& Err();

// Before anything is opened: a standard stream that is closed would otherwise be the next file or
// connection, and take what is printed. Writing to a closed stdout fails; stderr is thrown away.
void ClaimStandardStreams();

// The end of a program: `exit_code`, or, when stdout could not take everything, a line in the name
// of `who` and 1. Without the line when the reader has gone away, as other tools do.
int EndOutput(std::string_view who, int exit_code);
int EndOutput(std::string_view who, int exit_code, Output* out, Output* err);

// The last thing that a command does, after EndOutput: what it still holds goes with the process.
// Taking down connections and their threads in order takes longer than most commands.
[[noreturn]] void EndProcess(int exit_code);

}  // namespace quern
