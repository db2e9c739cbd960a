// One command of `mr`, and what all of them work with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/cli/program.h"
#include "common/clock.h"
#include "common/status.h"
#include "mapreduce/cli/coordinator_client.h"

namespace quern::mr {

// Where the cluster is and how to talk. stdout is data, stderr everything else.
class Session {
 public:
  std::string coordinator_flag;
  std::string master_flag;
  bool json = false;
  bool quiet = false;
  Clock* clock = Clock::Real();

  // Made at the first use; InvalidArgument for an address that is none.
  absl::StatusOr<CoordinatorClient*> coordinator();
  absl::StatusOr<std::vector<std::string>> masters() const;

  // An error on stderr, in the form that was asked for. `command` as in "mr run".
  void Report(std::string_view command, const absl::Status& status) const;

 private:
  std::unique_ptr<CoordinatorClient> coordinator_;
};

// Lives for one run.
class JobCommand {
 public:
  virtual ~JobCommand() = default;
  virtual void Define(CommandLine* line) = 0;
  // As Command::DefineMore.
  virtual absl::Status DefineMore(const std::vector<std::string>& words, CommandLine* line);
  // The exit code, or an error whose exit code is 1 (2 for UsageError).
  virtual absl::StatusOr<int> Run(Session* session) = 0;
  // Instead of the flags' own help; empty: that.
  virtual std::string Help(const std::vector<std::string>& words);
};

// The same as a command of a program: with the flags that all of `mr` share, and a Session.
std::unique_ptr<Command> InSession(std::string name, std::unique_ptr<JobCommand> command);

template <typename T, typename... Args>
std::function<std::unique_ptr<Command>()> Maker(std::string name, Args... args) {
  return
      [name = std::move(name), args...] { return InSession(name, std::make_unique<T>(args...)); };
}

CommandSpec CountersCommand();
CommandSpec DebugCommand();
CommandSpec DropCommand();
CommandSpec ExplainCommand();
CommandSpec HistoryCommand();
CommandSpec InspectCommand();
CommandSpec KillCommand();
CommandSpec ListCommand();
CommandSpec LogsCommand();
CommandSpec LookupCommand();
CommandSpec NewCommand();
CommandSpec RerunCommand();
CommandSpec RunCommand();
CommandSpec ScanCommand();
CommandSpec SearchCommand();
CommandSpec StatusCommand();
CommandSpec TasksCommand();
CommandSpec WhyCommand();
CommandSpec WatchCommand();
CommandSpec WorkersCommand();

// argv as main got it; the exit code.
int RunMr(const std::vector<std::string>& argv);

}  // namespace quern::mr
