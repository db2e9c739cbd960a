#include "client/shell/target.h"

#include "common/shell_words.h"

namespace quern::shell {

std::string TargetPlace::For(std::string_view source) const {
  const std::string name = BaseName(source);
  const bool nameless = name == "." || name == ".." || name == "/";
  return is_directory && !nameless ? JoinPath(path, name) : path;
}

absl::StatusOr<TargetPlace> FindTarget(Shell* shell, const std::string& path, bool slash,
                                       bool several) {
  ASSIGN_OR_RETURN(const auto there, shell->StatIfExists(path));
  if (there.has_value() && there->is_directory()) return TargetPlace{path, true};
  if (!slash && !several) return TargetPlace{path, false};
  if (there.has_value()) return FailedPreconditionError("{}: is not a directory", path);
  return NotFoundError("{}: no such directory. Try: dfs mkdir -p {}", path, ShellQuotedLine(path));
}

absl::Status CheckIsNotReserved(std::string_view path) {
  if (!client::IsReserved(path)) return absl::OkStatus();
  return FailedPreconditionError(
      "{}: {} is what the coordinator and its jobs work with, and is cleaned. Try: another path",
      path, client::kReservedDir);
}

bool UsedTargets::Claim(Shell* shell, const Use& use) {
  const auto [used, first] = sources_.try_emplace(use.target, use.source);
  if (first) return true;
  if (used->second == use.source) return false;
  shell->Report(AlreadyExistsError("{}: {} goes to {} as well, which would leave one of them",
                                   use.source, used->second, use.target));
  return false;
}

}  // namespace quern::shell
