#include "client/shell/shell.h"

#include <unistd.h>

#include <cerrno>

#include "client/glob.h"
#include "common/cli/cli.h"

namespace quern::shell {
namespace {

constexpr std::string_view kHintMark = ". Try: ";

absl::Status NamePath(const absl::Status& status, std::string_view path) {
  if (path.empty() || Message(status).find(path) != std::string_view::npos) return status;
  return Annotate(status, path);
}

}  // namespace

Shell::Shell(std::string command, ShellOptions options)
    : command_(std::move(command)),
      options_(std::move(options)),
      fs_(client::FileSystem::Create({.masters = options_.masters})) {}

Shell::~Shell() = default;

void Shell::Print(std::string_view text) {
  MutexLock lock(&mutex_);
  std::fwrite(text.data(), 1, text.size(), options_.out);
}

void Shell::Print(const JsonLine& line) { Print(line.ToString() + "\n"); }

absl::Status Shell::WriteBytes(std::string_view bytes) {
  std::fflush(options_.out);
  const int fd = fileno(options_.out);
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "writing to stdout");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

void Shell::Report(const absl::Status& status, std::string_view path) {
  const absl::Status named = NamePath(status, path);
  const std::string line =
      options_.json ? ErrorJson(named, path).ToString() + "\n" : ErrorLine(command_, named);
  MutexLock lock(&mutex_);
  std::fflush(options_.out);
  std::fwrite(line.data(), 1, line.size(), options_.err);
  exit_code_ = kExitFailed;
}

void Shell::Warn(std::string_view text) {
  if (options_.quiet) return;
  MutexLock lock(&mutex_);
  std::fflush(options_.out);
  fmt::print(options_.err, "{}: {}\n", command_, text);
}

std::unique_ptr<Progress> Shell::StartProgress(std::string_view name, uint64_t total,
                                               ProgressOptions::Unit unit) {
  ProgressOptions options;
  options.name = fmt::format("{} {}", command_, name);
  options.total = total;
  options.unit = unit;
  options.out = options_.err;
  if (options_.quiet || options_.json) options.style = ProgressOptions::Style::kQuiet;
  return std::make_unique<Progress>(std::move(options));
}

std::vector<std::string> Shell::Expand(const std::string& pattern) {
  const auto clean = CleanPath(pattern);
  if (!clean.ok()) {
    Report(clean.status());
    return {};
  }
  if (!client::HasWildcards(*clean)) return {client::Unescape(*clean)};
  auto paths = fs_->Glob(*clean);
  if (!paths.ok()) {
    Report(paths.status(), pattern);
    return {};
  }
  // As in other shells, [x] in a name need not be quoted when nothing else matches it.
  if (paths->empty()) {
    if (fs_->Stat(*clean).ok()) return {*clean};
    Report(NotFoundError("{}: no such file or directory", pattern));
  }
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

int Shell::Finish() {
  MutexLock lock(&mutex_);
  if (std::fflush(options_.out) != 0 || std::ferror(options_.out) != 0) {
    fmt::print(options_.err, "{}: writing to stdout: {}\n", command_, std::strerror(errno));
    exit_code_ = kExitFailed;
  }
  return exit_code_;
}

absl::StatusOr<std::string> CleanPath(std::string_view path) {
  if (!path.starts_with('/')) {
    return InvalidArgumentError("{}: paths of the cluster begin with '/'. Try: /{}", path, path);
  }
  std::string clean;
  for (const std::string& part : client::SplitPath(path)) clean += "/" + part;
  return clean.empty() ? "/" : clean;
}

std::string ParentOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string BaseName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos || path.size() == 1 ? path
                                                                         : path.substr(slash + 1));
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  return fmt::format("{}{}{}", directory, directory.ends_with('/') ? "" : "/", name);
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
