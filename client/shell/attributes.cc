// dfs chmod, dfs chown, dfs chgrp
#include <algorithm>

#include "client/shell/commands.h"
#include "client/shell/format.h"
#include "client/shell/mode_change.h"
#include "client/shell/shell.h"
#include "client/shell/target.h"
#include "client/shell/tree.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::AttributeChange;
using client::FileStatus;

// The part that the three share: the first argument says what, the others where.
class ChangeAttributes : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-R,--recursive", &recursive_, "everything below, too");
    line->Arguments(&arguments_, 2);
  }

  absl::Status Run(Shell* shell) override {
    if (const absl::Status status = ParseChange(arguments_.front()); !status.ok()) {
      return UsageError(Message(status));
    }
    arguments_.erase(arguments_.begin());
    for (const FileStatus& entry : shell->ExpandAndStat(arguments_)) {
      const auto change = [&](const FileStatus& file) { return ChangeOne(shell, file); };
      const absl::Status status = recursive_ ? ChangeTree(shell, entry, change) : change(entry);
      if (!status.ok()) shell->Report(status, entry.path);
    }
    return absl::OkStatus();
  }

 protected:
  virtual absl::Status ParseChange(const std::string& text) = 0;
  virtual AttributeChange ChangeOf(const FileStatus& file) const = 0;

 private:
  absl::Status ChangeOne(Shell* shell, const FileStatus& file) const {
    RETURN_IF_ERROR(CheckIsNotReserved(file.path));
    ASSIGN_OR_RETURN(const FileStatus changed,
                     shell->fs()->SetAttributes(file.path, ChangeOf(file)));
    if (shell->json()) shell->Print(StatusJson(changed));
    return absl::OkStatus();
  }

  bool recursive_ = false;
  std::vector<std::string> arguments_;
};

class Chmod final : public ChangeAttributes {
 protected:
  absl::Status ParseChange(const std::string& text) override {
    ASSIGN_OR_RETURN(change_, ModeChange::Parse(text));
    return absl::OkStatus();
  }
  AttributeChange ChangeOf(const FileStatus& file) const override {
    return {.mode = change_.Apply(file.mode, file.is_directory()),
            .owner = {},
            .group = {},
            .mtime = {}};
  }

 private:
  ModeChange change_;
};

class Chown final : public ChangeAttributes {
 protected:
  absl::Status ParseChange(const std::string& text) override {
    const size_t colon = text.find(':');
    if (std::ranges::count(text, ':') > 1) {
      return InvalidArgumentError("'{}' is not OWNER[:GROUP]", text);
    }
    if (colon != 0 && !text.empty()) change_.owner = text.substr(0, colon);
    if (colon != std::string::npos && colon + 1 < text.size()) {
      change_.group = text.substr(colon + 1);
    }
    if (change_.owner.has_value() || change_.group.has_value()) return absl::OkStatus();
    return InvalidArgumentError("'{}' is not OWNER[:GROUP]", text);
  }
  AttributeChange ChangeOf(const FileStatus&) const override { return change_; }

 private:
  AttributeChange change_;
};

class Chgrp final : public ChangeAttributes {
 protected:
  absl::Status ParseChange(const std::string& text) override {
    if (text.empty()) return InvalidArgumentError("the group is empty");
    change_.group = text;
    return absl::OkStatus();
  }
  AttributeChange ChangeOf(const FileStatus&) const override { return change_; }

 private:
  AttributeChange change_;
};

}  // namespace

CommandSpec ChmodCommand() {
  return {.name = "chmod",
          .aliases = {},
          .usage = "[-R] MODE PATH...",
          .summary = "sets permission bits",
          .examples = {"dfs chmod 0640 /in/a.txt", "dfs chmod -R g+rX /shared"},
          .make = Maker<Chmod>("chmod")};
}

CommandSpec ChownCommand() {
  return {.name = "chown",
          .aliases = {},
          .usage = "[-R] OWNER[:GROUP] PATH...",
          .summary = "sets owner and group",
          .examples = {"dfs chown alice /in/a.txt", "dfs chown -R alice:staff /home/alice"},
          .make = Maker<Chown>("chown")};
}

CommandSpec ChgrpCommand() {
  return {.name = "chgrp",
          .aliases = {},
          .usage = "[-R] GROUP PATH...",
          .summary = "sets the group",
          .examples = {"dfs chgrp staff /in/a.txt", "dfs chgrp -R staff /shared"},
          .make = Maker<Chgrp>("chgrp")};
}

}  // namespace quern::shell
