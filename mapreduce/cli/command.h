// One command of `mr`, and what all of them work with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_line.h"
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

  // Made at the first use; InvalidArgument for an address that is none.
  absl::StatusOr<CoordinatorClient*> coordinator();
  absl::StatusOr<std::vector<std::string>> masters() const;

 private:
  std::unique_ptr<CoordinatorClient> coordinator_;
};

// Lives for one run.
class Command {
 public:
  virtual ~Command() = default;
  virtual void Define(CommandLine* line) = 0;
  // The exit code, or an error whose exit code is 1 (2 for UsageError).
  virtual absl::StatusOr<int> Run(Session* session) = 0;
  // Instead of the flags' own help; empty: that.
  virtual std::string Help(const std::vector<std::string>& words);
};

struct CommandSpec {
  std::string name;
  std::string usage;
  std::string summary;
  std::vector<std::string> examples;
  std::function<std::unique_ptr<Command>()> make;
};

CommandSpec CountersCommand();
CommandSpec HistoryCommand();
CommandSpec InspectCommand();
CommandSpec KillCommand();
CommandSpec ListCommand();
CommandSpec LogsCommand();
CommandSpec RunCommand();
CommandSpec StatusCommand();
CommandSpec TasksCommand();
CommandSpec WatchCommand();
CommandSpec WorkersCommand();

// argv as main got it; the exit code.
int RunMr(const std::vector<std::string>& argv);

}  // namespace quern::mr
