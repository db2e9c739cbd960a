// From the words of a command line to a command of `mr` that has run.
#include "common/cli/cli.h"
#include "common/cli/command_help.h"
#include "common/cli/command_line.h"
#include "common/cli/json_line.h"
#include "common/cluster_config.h"
#include "common/version.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/job_source.h"

namespace quern::mr {
namespace {

std::vector<CommandSpec> AllCommands() {
  return {RunCommand(),     ListCommand(),    StatusCommand(),   WatchCommand(),
          TasksCommand(),   LogsCommand(),    CountersCommand(), KillCommand(),
          HistoryCommand(), InspectCommand(), WorkersCommand()};
}

std::string Overview() {
  std::string text = "usage: mr COMMAND [FLAGS] [ARGUMENTS]\n\nJobs of a Quern cluster.\n\n";
  Table table({{"", Table::Align::kLeft}, {"", Table::Align::kLeft}});
  for (const CommandSpec& spec : AllCommands()) table.AddRow({"  " + spec.name, spec.summary});
  text += table.ToString();
  std::string jobs;
  for (const std::string& name : ReadyMadeJobs()) jobs += (jobs.empty() ? "" : ", ") + name;
  if (!jobs.empty()) text += fmt::format("\nReady-made jobs: {} (mr run JOB --help)\n", jobs);
  return text +
         "\nexamples:\n"
         "  mr run wordcount /in /out\n"
         "  mr run my_job.cc /in /out --reduce 4\n"
         "  mr list\n";
}

int NoSuchCommand(const std::string& word) {
  std::vector<std::string> names;
  for (const CommandSpec& spec : AllCommands()) names.push_back(spec.name);
  return UnknownCommand("mr", word, names);
}

int Report(const Session& session, const absl::Status& status) {
  if (session.json) {
    JsonLine error;
    error.Add("code", absl::StatusCodeToString(status.code())).Add("message", Message(status));
    fmt::print(stderr, "{}\n", JsonLine().Add("error", error).ToString());
  } else {
    fmt::print(stderr, "{}", ErrorLine("mr", status));
  }
  return kExitFailed;
}

int RunOne(const CommandSpec& spec, const std::vector<std::string>& words) {
  Session session;
  CommandLine line;
  const std::unique_ptr<Command> command = spec.make();
  command->Define(&line);
  line.Value("--coordinator", "HOST:PORT", &session.coordinator_flag,
             "who runs jobs (else QUERN_COORDINATOR, the config file, 127.0.0.1:9420)");
  line.Value("--master", "HOST:PORT,...", &session.master_flag,
             "where the file system is (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
  line.Switch("--json", &session.json, "one JSON object per line, errors too");
  line.Switch("--quiet", &session.quiet, "no progress");
  if (HasWord(words, "--help")) {
    const std::string own = command->Help(words);
    const CommandDoc doc = {"mr", spec.name, spec.usage, spec.summary, spec.examples};
    fmt::print("{}", own.empty() ? HelpText(doc, line) : own);
    return kExitOk;
  }
  const std::string full_name = "mr " + spec.name;
  if (const absl::Status status = line.Parse(words); !status.ok()) {
    return WrongUsage("mr", full_name, status);
  }
  const absl::StatusOr<int> code = command->Run(&session);
  if (code.ok()) return *code;
  if (IsUsageError(code.status())) return WrongUsage("mr", full_name, code.status());
  return Report(session, code.status());
}

}  // namespace

std::string Command::Help(const std::vector<std::string>&) { return ""; }

absl::StatusOr<CoordinatorClient*> Session::coordinator() {
  if (coordinator_ == nullptr) {
    const auto addresses = FindCoordinators(coordinator_flag);
    if (!addresses.ok()) return UsageError(Message(addresses.status()));
    coordinator_ = std::make_unique<CoordinatorClient>(*addresses);
  }
  return coordinator_.get();
}

absl::StatusOr<std::vector<std::string>> Session::masters() const {
  auto masters = FindMasters(master_flag);
  if (!masters.ok()) return UsageError(Message(masters.status()));
  return masters;
}

int RunMr(const std::vector<std::string>& argv) {
  std::vector<std::string> words(argv.begin() + 1, argv.end());
  if (words.empty() || words[0] == "help" || words[0] == "--help") {
    fmt::print(words.empty() ? stderr : stdout, "{}", Overview());
    return words.empty() ? kExitUsage : kExitOk;
  }
  if (words[0] == "--version") {
    fmt::print("mr {}\n", VersionString());
    return kExitOk;
  }
  const std::string name = words[0];
  words.erase(words.begin());
  for (const CommandSpec& spec : AllCommands()) {
    if (spec.name == name) return RunOne(spec, words);
  }
  return NoSuchCommand(name);
}

}  // namespace quern::mr
