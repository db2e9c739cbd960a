// dfs mkdir, dfs touch
#include "client/shell/commands.h"
#include "client/shell/shell.h"
#include "client/shell/target.h"
#include "common/cli/command_line.h"
#include "common/shell_words.h"

namespace quern::shell {
namespace {

class Mkdir final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-p,--parents", &parents_, "make missing parents; no error when it is there");
    line->Arguments(&paths_, 1);
  }

  absl::Status Run(Shell* shell) override {
    for (const std::string& path : paths_) {
      if (const absl::Status status = Make(shell, path); !status.ok()) shell->Report(status, path);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Make(Shell* shell, const std::string& path) const {
    ASSIGN_OR_RETURN(const std::string clean, CleanPath(path));
    RETURN_IF_ERROR(CheckIsNotReserved(clean));
    const absl::Status made = shell->fs()->Mkdirs(clean, {.parents = parents_});
    if (!absl::IsNotFound(made)) return made;
    // The master, which does not know what its caller is about, proposes to make the parent.
    const std::string_view why = Message(made);
    return NotFoundError("{}. Try: dfs mkdir -p {}", why.substr(0, why.rfind(". Try: ")),
                         ShellQuotedLine(clean));
  }

  bool parents_ = false;
  std::vector<std::string> paths_;
};

class Touch final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-c,--no-create", &no_create_, "do not make files that are not there");
    line->Arguments(&paths_, 1);
  }

  absl::Status Run(Shell* shell) override {
    for (const std::string& path : paths_) {
      if (const absl::Status status = TouchOne(shell, path); !status.ok()) {
        shell->Report(status, path);
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status TouchOne(Shell* shell, const std::string& path) const {
    ASSIGN_OR_RETURN(const std::string clean, CleanPath(path));
    RETURN_IF_ERROR(CheckIsNotReserved(clean));
    const client::AttributeChange now{
        .mode = {}, .owner = {}, .group = {}, .mtime = shell->clock().TimeNow()};
    const auto changed = shell->fs()->SetAttributes(clean, now);
    if (changed.ok() || !absl::IsNotFound(changed.status())) return changed.status();
    return no_create_ ? absl::OkStatus() : shell->fs()->CreateEmpty(clean);
  }

  bool no_create_ = false;
  std::vector<std::string> paths_;
};

}  // namespace

CommandSpec MkdirCommand() {
  return {.name = "mkdir",
          .aliases = {"md"},
          .usage = "[-p] PATH...",
          .summary = "makes directories",
          .examples = {"dfs mkdir /in", "dfs mkdir -p /logs/2026/11"},
          .make = Maker<Mkdir>("mkdir")};
}

CommandSpec TouchCommand() {
  return {.name = "touch",
          .aliases = {"touchz"},
          .usage = "[-c] PATH...",
          .summary = "makes empty files, or sets the time of those that are there",
          .examples = {"dfs touch /in/_READY", "dfs touch -c /in/a.txt"},
          .make = Maker<Touch>("touch")};
}

}  // namespace quern::shell
