#include "client/shell/dispatch.h"

#include <fmt/format.h>

#include "client/shell/interrupt.h"
#include "client/shell/registry.h"
#include "client/shell/shell.h"
#include "common/cli/cli.h"
#include "common/cli/command_help.h"
#include "common/cli/command_line.h"
#include "common/cluster_config.h"
#include "common/version.h"

namespace quern::shell {
namespace {

// Flags that every command understands, before or after its name.
struct GlobalFlags {
  std::string master;
  bool json = false;
  bool quiet = false;
};

void DefineGlobals(CommandLine* line, GlobalFlags* flags) {
  line->Value("--master", "HOST:PORT,...", &flags->master,
              "the masters to ask (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
  line->Switch("--json", &flags->json, "one JSON object per line, errors too");
  line->Switch("--quiet", &flags->quiet, "no progress, no warnings");
}

std::string Overview() {
  std::string text =
      "usage: dfs COMMAND [FLAGS] [ARGUMENTS]\n\nThe file system of a Quern cluster.\n\n";
  Table table({{"", Table::Align::kLeft}, {"", Table::Align::kLeft}});
  for (const CommandSpec& spec : AllCommands()) table.AddRow({"  " + spec.name, spec.summary});
  text += table.ToString();
  return text +
         "\nPaths begin with '/' and may be patterns: * ? [a-z] {a,b} (quote them).\n"
         "Every command has --help; Hadoop's habit (dfs -ls -h /x) works too.\n\n"
         "examples:\n"
         "  dfs put report.txt /docs/report.txt\n"
         "  dfs ls -h /docs\n";
}

int NoSuchCommand(std::string_view word) {
  std::vector<std::string> names;
  for (const CommandSpec& spec : AllCommands()) {
    names.push_back(spec.name);
    names.insert(names.end(), spec.aliases.begin(), spec.aliases.end());
  }
  return UnknownCommand("dfs", word, names);
}

// Takes the command's name out of `words`, whose front may be flags for every command ("--json
// ls"), Hadoop's form of the name ("-ls"), or nothing at all.
std::string TakeCommandName(std::vector<std::string>* words) {
  for (size_t i = 0; i < words->size(); ++i) {
    std::string word = (*words)[i];
    if (word == "--master") {
      ++i;
    } else if (!word.starts_with("--")) {
      words->erase(words->begin() + static_cast<ptrdiff_t>(i));
      return word.starts_with("-") ? word.substr(1) : word;
    }
  }
  return "";
}

int RunCommand(const CommandSpec& spec, const std::vector<std::string>& words) {
  GlobalFlags globals;
  CommandLine line;
  const std::unique_ptr<Command> command = spec.make();
  command->Define(&line);
  DefineGlobals(&line, &globals);
  if (HasWord(words, "--help")) {
    fmt::print("{}", HelpText({"dfs", spec.name, spec.usage, spec.summary, spec.examples}, line));
    return kExitOk;
  }
  const std::string full_name = "dfs " + spec.name;
  if (const absl::Status status = line.Parse(words); !status.ok()) {
    return WrongUsage(spec.name, full_name, status);
  }
  const auto masters = FindMasters(globals.master);
  if (!masters.ok()) return WrongUsage(spec.name, full_name, masters.status());
  Shell shell(spec.name, {.masters = *masters, .json = globals.json, .quiet = globals.quiet});
  const absl::Status status = command->Run(&shell);
  if (IsUsageError(status)) return WrongUsage(spec.name, full_name, status);
  if (!status.ok()) shell.Report(status);
  if (Interrupted()) shell.set_exit_code(kExitInterrupted);
  return shell.Finish();
}

}  // namespace

int RunDfs(std::vector<std::string> argv) {
  std::vector<std::string> words(argv.begin() + 1, argv.end());
  // `dfsadmin report` is `dfs admin report`.
  if (BaseName(argv[0]) == "dfsadmin") words.insert(words.begin(), "admin");
  const std::string name = TakeCommandName(&words);
  const CommandSpec* spec = LookUpCommand(name);
  // `dfsadmin -report`: a command's command may have a dash, too.
  if (spec != nullptr && spec->name == "admin" && !words.empty() && words[0].starts_with("-") &&
      !words[0].starts_with("--")) {
    words[0].erase(0, 1);
  }
  if (name.empty() || name == "help") {
    if (HasWord(words, "--version")) {
      fmt::print("dfs {}\n", VersionString());
      return kExitOk;
    }
    const CommandSpec* about = words.empty() ? nullptr : LookUpCommand(words[0]);
    if (about != nullptr) return RunCommand(*about, {"--help"});
    fmt::print(name.empty() && !HasWord(words, "--help") ? stderr : stdout, "{}", Overview());
    return name.empty() && !HasWord(words, "--help") ? kExitUsage : kExitOk;
  }
  return spec == nullptr ? NoSuchCommand(name) : RunCommand(*spec, words);
}

}  // namespace quern::shell
