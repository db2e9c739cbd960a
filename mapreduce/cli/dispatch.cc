// `mr` as a table of its commands, and what runs them.
#include "common/cli/cli.h"
#include "common/cli/json_line.h"
#include "common/cli/output.h"
#include "common/cluster_config.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/job_source.h"

namespace quern::mr {
namespace {

class CommandInSession final : public Command {
 public:
  CommandInSession(std::string name, std::unique_ptr<JobCommand> command)
      : name_(std::move(name)), command_(std::move(command)) {}

  void Define(CommandLine* line) override {
    command_->Define(line);
    line->Value("--coordinator", "HOST:PORT", &session_.coordinator_flag,
                "who runs jobs (else QUERN_COORDINATOR, the config file, 127.0.0.1:9420)");
    line->Value("--master", "HOST:PORT,...", &session_.master_flag,
                "where the file system is (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
    line->Switch("--json", &session_.json, "one JSON object per line, errors too");
    line->Switch("--quiet", &session_.quiet, "no progress; warnings and errors all the same");
  }

  absl::Status DefineMore(const std::vector<std::string>& words, CommandLine* line) override {
    return command_->DefineMore(words, line);
  }

  absl::StatusOr<int> Run() override {
    absl::StatusOr<int> code = command_->Run(&session_);
    if (code.ok() || IsUsageError(code.status())) return code;
    session_.Report("mr " + name_, code.status());
    return kExitFailed;
  }

  std::string Help(const std::vector<std::string>& words) override { return command_->Help(words); }

 private:
  const std::string name_;
  const std::unique_ptr<JobCommand> command_;
  Session session_;
};

std::string ReadyMadeNotes() {
  std::string jobs;
  for (const std::string& name : ReadyMadeJobs()) jobs += (jobs.empty() ? "" : ", ") + name;
  return jobs.empty()
             ? ""
             : fmt::format("Ready-made jobs and pipelines: {} (mr run JOB --help)\n", jobs);
}

}  // namespace

absl::Status JobCommand::DefineMore(const std::vector<std::string>&, CommandLine*) {
  return absl::OkStatus();
}

std::string JobCommand::Help(const std::vector<std::string>&) { return ""; }

std::unique_ptr<Command> InSession(std::string name, std::unique_ptr<JobCommand> command) {
  return std::make_unique<CommandInSession>(std::move(name), std::move(command));
}

absl::StatusOr<CoordinatorClient*> Session::coordinator() {
  if (coordinator_ == nullptr) {
    const auto addresses = FindCoordinators(coordinator_flag);
    if (!addresses.ok()) return UsageError(Message(addresses.status()));
    coordinator_ = std::make_unique<CoordinatorClient>(*addresses, clock);
  }
  return coordinator_.get();
}

absl::StatusOr<std::vector<std::string>> Session::masters() const {
  auto masters = FindMasters(master_flag);
  if (!masters.ok()) return UsageError(Message(masters.status()));
  return masters;
}

void Session::Report(std::string_view command, const absl::Status& status) const {
  if (!json) return Err().Print(ErrorLine(command, status));
  Err().Print(ErrorJson(status).ToString() + "\n");
}

int RunMr(const std::vector<std::string>& argv) {
  const Program program = {
      .name = "mr",
      .about = "Jobs of a Quern cluster.",
      .commands = {RunCommand(),     ExplainCommand(), NewCommand(),      ListCommand(),
                   StatusCommand(),  WatchCommand(),   TasksCommand(),    WhyCommand(),
                   LogsCommand(),    DebugCommand(),   CountersCommand(), KillCommand(),
                   RerunCommand(),   DropCommand(),    HistoryCommand(),  InspectCommand(),
                   WorkersCommand(), LookupCommand(),  ScanCommand(),     SearchCommand()},
      .notes = ReadyMadeNotes(),
      .examples = {"mr run wordcount /in /out", "mr run my_job.cc /in /out --reduce 4", "mr list"},
      .leading_flags = {"--coordinator", "--master"},
  };
  return RunProgram(program, argv);
}

}  // namespace quern::mr
