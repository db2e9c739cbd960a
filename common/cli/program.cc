#include "common/cli/program.h"

#include <algorithm>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/version.h"

namespace quern {
namespace {

std::string Lines(const std::vector<std::string>& examples) {
  std::string text = "\nexamples:\n";
  for (const std::string& example : examples) text += "  " + example + "\n";
  return text;
}

std::string Overview(const Program& program) {
  std::string text =
      fmt::format("usage: {} COMMAND [FLAGS] [ARGUMENTS]\n\n{}\n\n", program.name, program.about);
  Table table({{"", Table::Align::kLeft}, {"", Table::Align::kLeft}});
  for (const CommandSpec& spec : program.commands) table.AddRow({"  " + spec.name, spec.summary});
  text += table.ToString();
  if (!program.notes.empty()) text += "\n" + program.notes;
  text += fmt::format("\nEvery command has --help ({0} help COMMAND).\n", program.name);
  return text + Lines(program.examples);
}

std::string HelpText(const Program& program, const CommandSpec& spec, const CommandLine& line) {
  return fmt::format("usage: {} {}{}{}\n\n{}\n\n{}{}", program.name, spec.name,
                     spec.usage.empty() ? "" : " ", spec.usage, spec.summary, line.FlagHelp(),
                     Lines(spec.examples));
}

// Says what is wrong, in the name of `who`, and to try `command --help`.
int WrongUsage(std::string_view who, std::string_view command, const absl::Status& status) {
  const std::string_view message = Message(status);
  if (message.find("Try: ") != std::string_view::npos) {
    Err().Print(ErrorLine(who, status));
  } else {
    Err().Print(
        ErrorLine(who, UsageError(fmt::format("{}{} Try: {} --help", message,
                                              message.ends_with('?') ? "" : ".", command))));
  }
  return kExitUsage;
}

int NoSuchCommand(const Program& program, std::string_view word) {
  std::vector<std::string> names = {"help"};
  for (const CommandSpec& spec : program.commands) {
    names.push_back(spec.name);
    names.insert(names.end(), spec.aliases.begin(), spec.aliases.end());
  }
  const std::string meant = DidYouMean(word, names);
  return WrongUsage(
      program.name, program.name,
      InvalidArgumentError("no such command: {}{}", word,
                           meant.empty() ? "" : fmt::format(". Did you mean {}?", meant)));
}

// Takes the command's name out of `words`, whose front may be flags ("--json ls") or nothing at
// all.
std::string TakeCommandName(const Program& program, std::vector<std::string>* words) {
  const std::vector<std::string>& flags = program.leading_flags;
  for (size_t i = 0; i < words->size(); ++i) {
    const std::string word = (*words)[i];
    if (std::find(flags.begin(), flags.end(), word) != flags.end()) {
      ++i;
    } else if (!word.starts_with("--")) {
      words->erase(words->begin() + static_cast<ptrdiff_t>(i));
      return program.dashed_commands && word.starts_with("-") ? word.substr(1) : word;
    }
  }
  return "";
}

// Commands hold connections: they are left to the end of the process (see EndProcess).
Command* Kept(std::unique_ptr<Command> command) {
  static auto* const kKept = new std::vector<std::unique_ptr<Command>>;
  return kKept->emplace_back(std::move(command)).get();
}

int RunCommand(const Program& program, const CommandSpec& spec,
               const std::vector<std::string>& words) {
  CommandLine line;
  Command* const command = Kept(spec.make());
  command->Define(&line);
  if (HasWord(words, "--help")) {
    const std::string own = command->Help(words);
    Out().Print(own.empty() ? HelpText(program, spec, line) : own);
    return kExitOk;
  }
  const std::string full_name = fmt::format("{} {}", program.name, spec.name);
  const std::string who = program.errors_name_the_program ? full_name : spec.name;
  const absl::Status more = command->DefineMore(words, &line);
  if (const absl::Status status = line.Parse(words); !status.ok()) {
    return WrongUsage(who, full_name, more.ok() ? status : more);
  }
  const absl::StatusOr<int> code = command->Run();
  if (code.ok()) return *code;
  if (IsUsageError(code.status())) return WrongUsage(who, full_name, code.status());
  Err().Print(ErrorLine(who, code.status()));
  return kExitFailed;
}

int RunWords(const Program& program, std::vector<std::string> words) {
  const std::string name = TakeCommandName(program, &words);
  if (name.empty() && HasWord(words, "--version")) {
    Out().Format("{} {}\n", program.name, VersionString());
    return kExitOk;
  }
  if (name == "help" && !words.empty()) {
    const CommandSpec* const about = LookUpCommand(program, words[0]);
    return about == nullptr ? NoSuchCommand(program, words[0])
                            : RunCommand(program, *about, {"--help"});
  }
  if (name.empty() || name == "help") {
    const bool asked = name == "help" || HasWord(words, "--help");
    (asked ? Out() : Err()).Print(Overview(program));
    return asked ? kExitOk : kExitUsage;
  }
  const CommandSpec* const spec = LookUpCommand(program, name);
  if (spec == nullptr) return NoSuchCommand(program, name);
  const bool dashed = !words.empty() && words[0].starts_with("-") && !words[0].starts_with("--");
  if (spec->dashed_words && dashed) words[0].erase(0, 1);
  return RunCommand(program, *spec, words);
}

}  // namespace

absl::Status Command::DefineMore(const std::vector<std::string>&, CommandLine*) {
  return absl::OkStatus();
}

std::string Command::Help(const std::vector<std::string>&) { return ""; }

int RunProgram(const Program& program, const std::vector<std::string>& argv) {
  ClaimStandardStreams();
  return EndOutput(program.name,
                   RunWords(program, std::vector<std::string>(argv.begin() + 1, argv.end())));
}

const CommandSpec* LookUpCommand(const Program& program, std::string_view name) {
  for (const CommandSpec& spec : program.commands) {
    if (spec.name == name ||
        std::find(spec.aliases.begin(), spec.aliases.end(), name) != spec.aliases.end()) {
      return &spec;
    }
  }
  return nullptr;
}

bool HasWord(const std::vector<std::string>& words, std::string_view word) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), end, word) != end;
}

}  // namespace quern
