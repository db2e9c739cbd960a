#include "tests/cluster/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace quern::testing {
namespace {

constexpr int kTimedOut = 124;  // as timeout(1) says it

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::map<std::string, std::string> EnvironmentWith(const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> environment = more;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

UniqueFd OpenForWriting(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
}

}  // namespace

std::string CommandResult::Describe() const {
  return fmt::format("exit code {}\nstdout: {}\nstderr: {}", exit_code, out.substr(0, 4000),
                     err.substr(0, 4000));
}

Command::Command(const std::vector<std::string>& argv, const CommandOptions& options)
    : command_line_(fmt::format("{}", fmt::join(argv, " "))), options_(options) {
  std::signal(SIGPIPE, SIG_IGN);
  std::string pattern = ::testing::TempDir() + "command_XXXXXX";
  dir_ = mkdtemp(pattern.data());
  std::ofstream(dir_ + "/in", std::ios::binary) << options.stdin_text;

  UniqueFd in(open((dir_ + "/in").c_str(), O_RDONLY | O_CLOEXEC));
  if (options.stdin_pipe) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) {
      in.Reset(ends[0]);
      stdin_.Reset(ends[1]);
    }
  }
  const UniqueFd out =
      OpenForWriting(options.stdout_file.empty() ? dir_ + "/out" : options.stdout_file);
  const UniqueFd err = OpenForWriting(dir_ + "/err");
  SpawnOptions spawn;
  spawn.env = EnvironmentWith(options.env);
  spawn.cwd = options.cwd;
  spawn.stdin_fd = in.get();
  spawn.stdout_fd = out.get();
  spawn.stderr_fd = err.get();
  auto process = Subprocess::Spawn(argv, spawn);
  spawned_ = process.status();
  EXPECT_TRUE(spawned_.ok()) << command_line_ << ": " << spawned_;
  if (process.ok()) process_ = *std::move(process);
}

Command::~Command() {
  process_.reset();
  std::filesystem::remove_all(dir_);
}

bool Command::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(stdin_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool Command::IsRunning() {
  return process_ != nullptr && !process_->WaitFor(absl::ZeroDuration()).has_value();
}

std::string Command::ErrSoFar() const { return ReadAll(dir_ + "/err"); }

CommandResult Command::Finish() {
  CommandResult result;
  if (process_ == nullptr) return result;
  CloseStdin();
  if (const auto exit = process_->WaitFor(options_.timeout); exit.has_value()) {
    result.exit_code = exit->signal == 0 ? exit->code : 128 + exit->signal;
  } else {
    ADD_FAILURE() << command_line_ << ": not ended after " << options_.timeout;
    process_->KillGroup(SIGKILL);
    process_->Wait();
    result.exit_code = kTimedOut;
  }
  if (options_.stdout_file.empty()) result.out = ReadAll(dir_ + "/out");
  result.err = ErrSoFar();
  return result;
}

CommandResult RunCommand(const std::vector<std::string>& argv, const CommandOptions& options) {
  return Command(argv, options).Finish();
}

}  // namespace quern::testing
