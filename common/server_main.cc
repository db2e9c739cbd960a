#include "common/server_main.h"

#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/host_port.h"
#include "common/mutex.h"
#include "common/storage/file_io.h"
#include "common/thread.h"
#include "common/version.h"

namespace quern {
namespace {

std::vector<Flag> AllFlags(const ServerRole& role, ServerFlags* flags) {
  std::vector<Flag> all = {
      MakeFlag("listen", &flags->listen, "HOST:PORT to serve RPCs on; port 0 takes any free one"),
      MakeFlag("advertise", &flags->advertise,
               "HOST:PORT that others are told (default: --listen)"),
      MakeFlag("http", &flags->http, "HOST:PORT of the pages (default: the RPC port + 100)"),
      MakeFlag("dir", &flags->dirs, "data directory; several disks separated by commas"),
      MakeFlag("node", &flags->node, "name of this machine, for locality"),
      MakeFlag("rack", &flags->rack, "where this machine stands"),
      MakeFlag("master", &flags->masters, "HOST:PORT of the master"),
      MakeFlag("log_format", &flags->log_format, "text or json, on stderr"),
      MakeFlag("insecure_network", &flags->insecure_network,
               "allow to listen beyond loopback: the network is private"),
      MakeFlag("config", &flags->config, "TOML file with any of these flags"),
  };
  all.insert(all.end(), role.flags.begin(), role.flags.end());
  return all;
}

ServerFlags Defaults(const ServerRole& role) {
  ServerFlags flags;
  flags.listen = HostPort{"127.0.0.1", role.default_port}.ToString();
  flags.dirs = role.default_dirs;
  flags.node = HostName();
  flags.masters = {"127.0.0.1:9400"};
  return flags;
}

// What was on the command line, as text by flag name; or an answer to print.
struct CommandLine {
  std::map<std::string, std::string> values;
  std::optional<ParsedServerFlags> answer;
};

ParsedServerFlags Answer(int exit_code, std::string output) {
  ParsedServerFlags parsed;
  parsed.exit_code = exit_code;
  parsed.output = std::move(output);
  return parsed;
}

std::string UsageError(const std::string& program, std::string_view message) {
  std::string text(message.substr(0, message.find('\n')));
  return fmt::format("{}: {}{} Try: {} --help\n", program, text, text.ends_with('?') ? "" : ".",
                     program);
}

// "--lisen: unknown flag. Did you mean --listen?"
std::string UnknownFlag(const std::string& argument, const std::vector<Flag>& flags) {
  std::vector<std::string> names = {"--help", "--version"};
  for (const Flag& flag : flags) names.push_back("--" + flag.name);
  const std::string name = argument.substr(0, argument.find('='));
  const std::string near = DidYouMean(name, names);
  return fmt::format("{}: unknown flag{}", name,
                     near.empty() ? "" : fmt::format(". Did you mean {}?", near));
}

CommandLine ParseCommandLine(const std::vector<std::string>& arguments, const ServerRole& role,
                             const std::vector<Flag>& flags) {
  const std::string program = "quern-" + role.name;
  CommandLine line;
  CLI::App app(role.description, program);
  // CLI11's own -h would be in the way of "human readable".
  app.set_help_flag("--help", "show this help");
  bool version = false;
  app.add_flag("--version", version, "show the version");
  app.allow_extras();
  for (const Flag& flag : flags) {
    std::string* value = &line.values[flag.name];
    CLI::Option* option = flag.type.empty() ? app.add_flag("--" + flag.name, *value, flag.help)
                                            : app.add_option("--" + flag.name, *value, flag.help);
    option->type_name(flag.type);
    if (!flag.default_text.empty()) option->default_str(flag.default_text);
  }
  app.footer(fmt::format(
      "Every flag can also be set as QUERN_NAME in the environment or in the TOML file of "
      "--config;\n"
      "flags win over the environment, the environment over the file.\n\nExamples:\n{}\n",
      role.examples));
  try {
    // CLI11 takes the arguments in reverse order.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    line.answer = Answer(kExitOk, app.help());
    return line;
  } catch (const CLI::ParseError& error) {
    // Its own exit codes are above 100.
    line.answer = Answer(kExitUsage, UsageError(program, error.what()));
    return line;
  }
  if (version) line.answer = Answer(kExitOk, fmt::format("{} {}\n", program, VersionString()));
  if (const auto extras = app.remaining(); !extras.empty()) {
    line.answer = Answer(kExitUsage, UsageError(program, UnknownFlag(extras.front(), flags)));
  }
  for (const Flag& flag : flags) {
    if (app.count("--" + flag.name) == 0) line.values.erase(flag.name);
  }
  return line;
}

absl::Status ReadConfigFile(const std::map<std::string, std::string>& command_line,
                            const std::vector<Flag>& flags) {
  std::string path;
  if (const char* text = std::getenv("QUERN_CONFIG")) path = text;
  if (const auto found = command_line.find("config"); found != command_line.end()) {
    path = found->second;
  }
  if (path.empty()) return absl::OkStatus();
  const auto text = ReadFileToString(FileSystem::Real(), path);
  if (!text.ok()) return Annotate(text.status(), "--config");
  return SetFlagsFromToml(*text, path, flags);
}

// The pages' address follows from the RPC address unless it was given.
absl::Status FinishFlags(ServerFlags* flags) {
  const auto listen = ParseHostPort(flags->listen);
  if (!listen.ok()) return Annotate(listen.status(), "--listen");
  if (flags->http.empty()) {
    const int port = listen->port == 0 ? 0 : listen->port + 100;
    flags->http = HostPort{listen->host, port}.ToString();
  }
  const auto http = ParseHostPort(flags->http);
  if (!http.ok()) return Annotate(http.status(), "--http");
  if (!flags->advertise.empty()) {
    const auto advertise = ParseHostPort(flags->advertise);
    if (!advertise.ok()) return Annotate(advertise.status(), "--advertise");
  }
  for (const std::string& master : flags->masters) {
    const auto parsed = ParseHostPort(master);
    if (!parsed.ok()) return Annotate(parsed.status(), "--master");
  }
  if (flags->log_format != "text" && flags->log_format != "json") {
    return InvalidArgumentError("--log_format: '{}' is not text or json", flags->log_format);
  }
  if (!flags->rack.starts_with('/')) {
    return InvalidArgumentError("--rack: '{}' must begin with '/', as in /row1/rack7", flags->rack);
  }
  return absl::OkStatus();
}

absl::Status SetAll(const std::map<std::string, std::string>& command_line,
                    const std::vector<Flag>& flags) {
  RETURN_IF_ERROR(ReadConfigFile(command_line, flags));
  RETURN_IF_ERROR(SetFlagsFromEnvironment(flags));
  for (const Flag& flag : flags) {
    const auto found = command_line.find(flag.name);
    if (found == command_line.end()) continue;
    RETURN_IF_ERROR(SetFlag(flag, "--" + flag.name, found->second));
  }
  return absl::OkStatus();
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int ExitCodeAfter(int signal) { return signal == SIGINT ? kExitInterrupted : kExitOk; }

// Hears the first SIGTERM or SIGINT, in a thread of its own: the main thread may be held up by the
// start, and then by the stop. They are blocked before.
class StopSignal {
 public:
  explicit StopSignal(const ServerRole& role)
      : role_(role.name),
        start_grace_(role.start_grace),
        stop_grace_(role.stop_grace),
        thread_("signals", [this] { Hear(); }) {}
  // The server has ended.
  ~StopSignal() {
    Enter(Stage::kEnded);
    // Its thread waits for a signal: this one.
    if (!IsHeard()) kill(getpid(), SIGTERM);
  }

  // From here on whoever waits stops the server.
  void Started() { Enter(Stage::kStarted); }
  int Wait() {
    MutexLock lock(&mutex_);
    while (signal_ == 0) changed_.Wait(&mutex_);
    return signal_;
  }

 private:
  enum class Stage { kStarting, kStarted, kEnded };

  void Enter(Stage stage) {
    MutexLock lock(&mutex_);
    stage_ = stage;
    changed_.SignalAll();
  }
  bool IsHeard() {
    MutexLock lock(&mutex_);
    return signal_ != 0;
  }
  void Hear() {
    const sigset_t signals = StopSignals();
    int signal = 0;
    sigwait(&signals, &signal);
    MutexLock lock(&mutex_);
    signal_ = signal;
    changed_.SignalAll();
    AwaitEndOf(Stage::kStarting, start_grace_, "server_start_given_up");
    AwaitEndOf(Stage::kStarted, stop_grace_, "server_stop_given_up");
  }
  void AwaitEndOf(Stage stage, absl::Duration grace, std::string_view event)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (stage_ == stage) {
      if (changed_.WaitFor(&mutex_, grace) || stage_ != stage) continue;
      LogWarning(event, {{"role", role_}, {"signal", signal_}});
      // Nothing is torn down: what hangs still uses it. A crash would leave no other traces.
      _exit(ExitCodeAfter(signal_));
    }
  }

  const std::string role_;
  const absl::Duration start_grace_;
  const absl::Duration stop_grace_;
  Mutex mutex_;
  CondVar changed_;
  Stage stage_ ABSL_GUARDED_BY(mutex_) = Stage::kStarting;
  int signal_ ABSL_GUARDED_BY(mutex_) = 0;
  Thread thread_;  // last: it uses the others
};

}  // namespace

std::string AdvertisedAddress(const ServerFlags& flags, std::string_view bound) {
  if (!flags.advertise.empty()) return flags.advertise;
  auto parts = ParseHostPort(bound);
  if (!parts.ok() || !IsWildcard(parts->host)) return std::string(bound);
  parts->host = HostName();
  return parts->ToString();
}

ParsedServerFlags ParseServerFlags(const std::vector<std::string>& arguments,
                                   const ServerRole& role) {
  ParsedServerFlags parsed;
  parsed.flags = Defaults(role);
  const std::vector<Flag> flags = AllFlags(role, &parsed.flags);
  const CommandLine line = ParseCommandLine(arguments, role, flags);
  if (line.answer.has_value()) return *line.answer;
  absl::Status status = SetAll(line.values, flags);
  if (status.ok()) status = FinishFlags(&parsed.flags);
  if (!status.ok()) return Answer(kExitUsage, UsageError("quern-" + role.name, Message(status)));
  return parsed;
}

int RunServer(int argc, char** argv, ServerRole role) {
  // Blocked before the first thread is made, so that every thread inherits it and StopSignal is the
  // only receiver.
  ClaimStandardStreams();
  const sigset_t stop_signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const ParsedServerFlags parsed =
      ParseServerFlags(std::vector<std::string>(argv + 1, argv + argc), role);
  if (parsed.exit_code >= 0) {
    (parsed.exit_code == kExitOk ? Out() : Err()).Print(parsed.output);
    return EndOutput("quern-" + role.name, parsed.exit_code);
  }
  if (parsed.flags.log_format == "json") SetLogFormat(LogFormat::kJson);

  StopSignal stop(role);
  auto server = role.start(parsed.flags);
  stop.Started();
  if (!server.ok()) {
    Err().Print(ErrorLine("quern-" + role.name, server.status()));
    // Some of it may be in a disk that hangs, and nothing is torn down under it.
    EndProcess(absl::IsInvalidArgument(server.status()) ? kExitUsage : kExitFailed);
  }
  LogInfo("server_ready", {{"role", role.name},
                           {"rpc", (*server)->rpc_address()},
                           {"http", (*server)->http_address()},
                           {"version", VersionString()}});
  Out().Format("READY role={} rpc={} http={}\n", role.name, (*server)->rpc_address(),
               (*server)->http_address());
  // It serves all the same; who started it may wait in vain.
  if (const absl::Status said = Out().Flush(); !said.ok()) {
    LogWarning("ready_line_lost", {{"status", said}});
  }

  const int signal = stop.Wait();
  LogInfo("server_stopping", {{"role", role.name}, {"signal", signal}});
  // A second signal ends a stop that hangs.
  pthread_sigmask(SIG_UNBLOCK, &stop_signals, nullptr);
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  (*server)->Shutdown();
  server->reset();
  LogInfo("server_stopped", {{"role", role.name}});
  return ExitCodeAfter(signal);
}

}  // namespace quern
