#include "common/cli/command_help.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "common/cli/cli.h"

namespace quern {

std::string HelpText(const CommandDoc& doc, const CommandLine& line) {
  std::string text =
      fmt::format("usage: {} {} {}\n\n{}\n\n", doc.program, doc.name, doc.usage, doc.summary);
  text += line.FlagHelp();
  text += "\nexamples:\n";
  for (const std::string& example : doc.examples) text += "  " + example + "\n";
  return text;
}

bool HasWord(const std::vector<std::string>& words, std::string_view word) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), end, word) != end;
}

int WrongUsage(std::string_view who, std::string_view command, const absl::Status& status) {
  fmt::print(stderr, "{}Try: {} --help\n", ErrorLine(who, status), command);
  return kExitUsage;
}

int UnknownCommand(std::string_view program, std::string_view word,
                   const std::vector<std::string>& commands) {
  const std::string meant = DidYouMean(word, commands);
  return WrongUsage(
      program, program,
      InvalidArgumentError("no such command: {}{}", word,
                           meant.empty() ? "" : fmt::format(". Did you mean {}?", meant)));
}

}  // namespace quern
