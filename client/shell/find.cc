// dfs find
#include <algorithm>
#include <cctype>

#include "client/glob.h"
#include "client/shell/commands.h"
#include "client/shell/format.h"
#include "client/shell/shell.h"
#include "client/shell/size_match.h"
#include "client/shell/tree.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::FileStatus;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

class Find final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Value("--name", "GLOB", &name_, "only what is called so");
    line->Value("--iname", "GLOB", &iname_, "the same, upper and lower case alike");
    line->Value("--type", "f|d", &type_, "only files, or only directories");
    line->Value("--size", "[+-]N[ckMG]", &size_text_,
                "only files of more (+), less (-) or just so many bytes; nothing is rounded");
    line->Switch("--print", &print_, "print paths (what it does anyway)");
    line->Switch("--print0", &print0_, "a NUL after each path instead of a line end");
    line->Arguments(&patterns_, 0);
  }

  absl::Status Run(Shell* shell) override {
    if (!type_.empty() && type_ != "f" && type_ != "d") return UsageError("--type is f or d");
    if (!size_text_.empty()) {
      const auto size = SizeMatch::Parse(size_text_);
      if (!size.ok()) return UsageError(fmt::format("--size: {}", Message(size.status())));
      size_ = *size;
    }
    if (patterns_.empty()) patterns_.push_back("/");
    for (const FileStatus& root : shell->ExpandAndStat(patterns_)) {
      const absl::Status status = WalkTree(shell, root, [&](const FileStatus& entry) {
        if (Wanted(entry)) PrintEntry(shell, entry);
        return absl::OkStatus();
      });
      if (!status.ok()) shell->Report(status, root.path);
    }
    return absl::OkStatus();
  }

 private:
  bool Wanted(const FileStatus& entry) const {
    if (!type_.empty() && entry.is_directory() != (type_ == "d")) return false;
    if (!size_text_.empty() && (entry.is_directory() || !size_.Matches(entry.length))) return false;
    if (!name_.empty() && !client::MatchesComponent(name_, entry.name())) return false;
    return iname_.empty() || client::MatchesComponent(Lower(iname_), Lower(entry.name()));
  }

  void PrintEntry(Shell* shell, const FileStatus& entry) const {
    if (shell->json()) {
      shell->Print(StatusJson(entry));
    } else {
      shell->Print(print0_ ? entry.path + '\0' : shell->Shown(entry.path) + '\n');
    }
  }

  std::string name_;
  std::string iname_;
  std::string type_;
  std::string size_text_;
  SizeMatch size_;
  bool print_ = false;
  bool print0_ = false;
  std::vector<std::string> patterns_;
};

}  // namespace

CommandSpec FindCommand() {
  return {.name = "find",
          .aliases = {},
          .usage =
              "[PATH...] [--name GLOB] [--iname GLOB] [--type f|d] [--size [+-]N[ckMG]]\n"
              "                [--print0]",
          .summary = "prints the paths of what is below, by name, type and size",
          .examples = {"dfs find /in --name '*.txt'", "dfs find / -name 'part-*' -type f",
                       "dfs find /logs -size +64M"},
          .make = Maker<Find>("find")};
}

}  // namespace quern::shell
