#include "client/shell/shell.h"

#include "client/glob.h"
#include "common/clean_text.h"
#include "common/cli/cli.h"

namespace quern::shell {
namespace {

constexpr size_t kMaxShownBytes = 64 << 10;
constexpr std::string_view kHintMark = ". Try: ";

absl::Status NamePath(const absl::Status& status, std::string_view path) {
  if (path.empty() || Message(status).find(path) != std::string_view::npos) return status;
  return Annotate(status, path);
}

}  // namespace

Shell::Shell(std::string command, ShellOptions options)
    : command_(std::move(command)),
      options_(std::move(options)),
      fs_(client::FileSystem::Create({.masters = options_.masters, .clock = options_.clock})) {}

Shell::~Shell() = default;

void Shell::Print(std::string_view text) { options_.out->Print(text); }

void Shell::Print(const JsonLine& line) { Print(line.ToString() + "\n"); }

std::string Shell::Shown(std::string_view name) const {
  return options_.out->is_terminal() ? CleanLine(name, kMaxShownBytes) : std::string(name);
}

absl::Status Shell::WriteBytes(std::string_view bytes) { return options_.out->Write(bytes); }

void Shell::Report(const absl::Status& status, std::string_view path) {
  const absl::Status named = NamePath(status, path);
  // What was printed before it stands before it.
  options_.out->Flush().IgnoreError();  // kept, and told at the end
  options_.err->Print(options_.json ? ErrorJson(named, path).ToString() + "\n"
                                    : ErrorLine(command_, named));
  set_exit_code(kExitFailed);
}

void Shell::Note(std::string_view text) {
  if (!options_.quiet && !options_.json) Say(text);
}

void Shell::Warn(std::string_view text) {
  if (!options_.json) return Say(text);
  options_.out->Flush().IgnoreError();
  options_.err->Print(WarningJson(text).ToString() + "\n");
}

void Shell::Say(std::string_view text) {
  options_.out->Flush().IgnoreError();
  options_.err->Format("{}: {}\n", command_, CleanLine(text, kMaxShownBytes));
}

std::unique_ptr<Progress> Shell::StartProgress(std::string_view name, uint64_t total,
                                               ProgressOptions::Unit unit) {
  ProgressOptions options;
  options.name = fmt::format("{} {}", command_, name);
  options.total = total;
  options.unit = unit;
  options.out = options_.err->file();
  options.clock = options_.clock;
  if (options_.quiet || options_.json) options.style = ProgressOptions::Style::kQuiet;
  return std::make_unique<Progress>(std::move(options));
}

std::vector<std::string> Shell::Expand(const std::string& pattern) {
  const auto clean = CleanPath(pattern);
  if (!clean.ok()) {
    Report(clean.status());
    return {};
  }
  if (options_.literal || !client::IsPattern(*clean)) return {*clean};
  auto paths = fs_->Glob(*clean);
  if (!paths.ok()) {
    Report(paths.status(), pattern);
    return {};
  }
  if (paths->empty()) Report(NotFoundError("{}: no such file or directory", pattern));
  return *std::move(paths);
}

std::vector<std::string> Shell::Expand(const std::vector<std::string>& patterns) {
  std::vector<std::string> paths;
  for (const std::string& pattern : patterns) {
    for (std::string& path : Expand(pattern)) paths.push_back(std::move(path));
  }
  return paths;
}

std::vector<client::FileStatus> Shell::ExpandAndStat(const std::vector<std::string>& patterns) {
  std::vector<client::FileStatus> found;
  for (const std::string& path : Expand(patterns)) {
    auto status = fs_->Stat(path);
    if (status.ok()) {
      found.push_back(*std::move(status));
    } else {
      Report(status.status(), path);
      // Without a master every further path would wait as long.
      if (IsRetryable(status.status())) break;
    }
  }
  return found;
}

absl::StatusOr<std::optional<client::FileStatus>> Shell::StatIfExists(std::string_view path) {
  auto status = fs_->Stat(path);
  if (status.ok()) return std::optional<client::FileStatus>(*std::move(status));
  if (absl::IsNotFound(status.status())) return std::optional<client::FileStatus>();
  return status.status();
}

void Shell::set_exit_code(int code) {
  MutexLock lock(&mutex_);
  exit_code_ = code;
}

int Shell::exit_code() {
  MutexLock lock(&mutex_);
  return exit_code_;
}

JsonLine ErrorJson(const absl::Status& status, std::string_view path) {
  const std::string_view message = Message(status);
  const size_t hint = message.find(kHintMark);
  JsonLine error;
  error.Add("code", absl::StatusCodeToString(status.code()));
  error.Add("message", message.substr(0, hint));
  error.Add("path", path);
  error.Add("hint", hint == std::string_view::npos ? "" : message.substr(hint + kHintMark.size()));
  JsonLine line;
  line.Add("error", error);
  return line;
}

}  // namespace quern::shell
