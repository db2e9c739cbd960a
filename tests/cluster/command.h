// Command lines run by tests: what they print, how they end, never longer than a bound.
#pragma once

#include <absl/time/time.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/fd.h"
#include "common/status.h"
#include "common/subprocess.h"

namespace quern::testing {

struct CommandOptions {
  std::map<std::string, std::string> env = {};  // besides this process's own
  std::string stdin_text = {};                  // the whole input
  bool stdin_pipe = false;                      // instead: fed by Command::Feed
  std::string stdout_file = {};                 // large output goes here instead of into the result
  std::string cwd = {};
  absl::Duration timeout = absl::Seconds(60);
};

struct CommandResult {
  int exit_code = -1;  // 128 + signal when a signal ended it, 124 when time was up
  std::string out;
  std::string err;
  // For EXPECT messages: everything at once.
  std::string Describe() const;
};

// A command that runs while the test goes on. Killed by the destructor.
class Command {
 public:
  Command(const std::vector<std::string>& argv, const CommandOptions& options);
  ~Command();
  Command(const Command&) = delete;

  // Writes to its stdin (stdin_pipe); false when it does not read any more.
  bool Feed(std::string_view bytes);
  void CloseStdin() { stdin_.Reset(); }
  bool IsRunning();
  // What it has said on stderr until now.
  std::string ErrSoFar() const;
  void Signal(int signal) { process_->Kill(signal); }
  // Waits for its end, CommandOptions::timeout from now at most.
  CommandResult Finish();

 private:
  const std::string command_line_;
  const CommandOptions options_;
  std::string dir_;  // of the files that take its output
  UniqueFd stdin_;
  absl::Status spawned_;
  std::unique_ptr<Subprocess> process_;
};

CommandResult RunCommand(const std::vector<std::string>& argv, const CommandOptions& options = {});

}  // namespace quern::testing
