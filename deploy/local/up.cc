#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/shell_words.h"
#include "deploy/local/commands.h"
#include "deploy/local/local_cluster.h"
#include "deploy/local/ownership.h"
#include "deploy/local/shell_exports.h"

namespace quern::local {
namespace {

volatile sig_atomic_t stop_signal = 0;
void OnStopSignal(int signal) { stop_signal = signal; }

// Ranges were checked where the flags were parsed.
std::optional<int> ToInt(std::optional<int64_t> number) {
  if (!number.has_value()) return std::nullopt;
  return static_cast<int>(*number);
}

LocalClusterOptions ToClusterOptions(const UpOptions& options) {
  LocalClusterOptions cluster;
  cluster.dir = options.dir;
  cluster.bin_dir = BinaryDir();
  cluster.chunkservers = ToInt(options.chunkservers);
  cluster.workers = ToInt(options.workers);
  cluster.port_base = ToInt(options.port_base);
  cluster.replication = ToInt(options.replication);
  cluster.forget_disks = options.forget_disks;
  cluster.leave_out = options.leave_out;
  cluster.restart = options.restart;
  return cluster;
}

std::string Banner(const LocalCluster& cluster) {
  const ClusterConfig& config = cluster.config();
  const std::string dir = ShellQuoted(cluster.dir().path());
  return fmt::format(
      "{}Quern is up in {}: master, {} chunkserver(s), coordinator, {} worker(s), {} replica(s)\n"
      "\n"
      "  files  http://127.0.0.1:{}\n"
      "  jobs   http://127.0.0.1:{}\n"
      "\n"
      "Paste this into a shell to use it (or: eval \"$(quern env --dir {})\"):\n"
      "\n"
      "{}"
      "\n"
      "Try:   dfs put /etc/services /in && mr run wordcount /in /out && dfs cat '/out/part-*'\n"
      "Stop:  quern down --dir {}\n",
      cluster.notes(), cluster.dir().path(), config.chunkservers, config.workers,
      config.replication, config.ports.at("master").http, config.ports.at("coordinator").http, dir,
      ShellExports(cluster.master(), cluster.coordinator(), "  "), dir);
}

// What the starting process has to say to whoever waits for it: an exit code and text.
using Report = std::function<bool(int exit_code, const std::string& text)>;

// Runs the cluster until a signal; the exit code.
int RunHere(const UpOptions& options, const Report& report) {
  auto cluster = LocalCluster::Start(ToClusterOptions(options));
  if (!cluster.ok()) {
    const int code = absl::IsInvalidArgument(cluster.status()) ? kExitUsage : kExitFailed;
    report(code, ErrorLine("quern up", cluster.status()));
    return code;
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, OnStopSignal);
  if (!report(kExitOk, Banner(**cluster))) return kExitInterrupted;
  while (stop_signal == 0) (*cluster)->Step(absl::Seconds(1));
  if (!options.detach) Err().Print("\nstopping ...\n");
  (*cluster)->Stop();
  return stop_signal == SIGINT ? kExitInterrupted : kExitOk;
}

bool Print(int exit_code, const std::string& text) {
  Output& out = exit_code == kExitOk ? Out() : Err();
  out.Print(text);
  // A failure is kept and told at the end; the cluster runs all the same.
  out.Flush().IgnoreError();
  return true;
}

// The child of a detached start: a session of its own, its output in a log, its report in a pipe.
[[noreturn]] void RunDetachedChild(const UpOptions& options, int report_fd) {
  setsid();
  std::signal(SIGPIPE, SIG_IGN);
  const auto dir = ClusterDir::At(options.dir);
  // A directory that is somebody else's gets no log either; the start itself says why.
  if (dir.ok() && CheckNotForeign(*dir).ok() && dir->Make().ok()) {
    const std::string log = dir->path() + "/logs/supervisor.log";
    const UniqueFd out(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    const UniqueFd in(open("/dev/null", O_RDONLY | O_CLOEXEC));
    dup2(in.get(), STDIN_FILENO);
    dup2(out.get(), STDOUT_FILENO);
    dup2(out.get(), STDERR_FILENO);
  }
  const auto report = [report_fd](int exit_code, const std::string& text) {
    const std::string message = fmt::format("{}\n{}", exit_code, text);
    const ssize_t written = write(report_fd, message.data(), message.size());
    close(report_fd);
    return written == static_cast<ssize_t>(message.size());
  };
  std::exit(RunHere(options, report));
}

int RunDetached(const UpOptions& options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return Print(kExitFailed, ErrorLine("quern up", ErrnoStatus(errno, "pipe"))), kExitFailed;
  }
  const pid_t child = fork();
  if (child < 0) {
    return Print(kExitFailed, ErrorLine("quern up", ErrnoStatus(errno, "fork"))), kExitFailed;
  }
  if (child == 0) {
    close(ends[0]);
    RunDetachedChild(options, ends[1]);
  }
  close(ends[1]);
  std::string message;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    message.append(buffer, static_cast<size_t>(n));
  }
  const size_t line_end = message.find('\n');
  if (line_end == std::string::npos) {
    return Print(kExitFailed, "quern up: the supervisor ended. Try: see logs/supervisor.log\n"),
           kExitFailed;
  }
  const int code = std::stoi(message.substr(0, line_end));
  Print(code, message.substr(line_end + 1));
  if (code != kExitOk) waitpid(child, nullptr, 0);
  return code;
}

}  // namespace

int RunUp(const UpOptions& options) {
  return options.detach ? RunDetached(options) : RunHere(options, Print);
}

}  // namespace quern::local
