#include "mapreduce/cli/run_local.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "common/fd.h"
#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "mapreduce/cli/compile.h"
#include "mapreduce/cli/foreground.h"

namespace quern::mr {

namespace {

// quern-task as it is started. The spec is in a file without a name: nothing is left behind,
// however the run ends.
struct LocalRun {
  UniqueFd file;
  std::vector<std::string> command;
};

absl::StatusOr<LocalRun> MakeRun(const Session& session, const std::string& flag,
                                 const std::string& bytes, const LocalRunOptions& options) {
  LocalRun run;
  run.file = UniqueFd(memfd_create("quern-job", 0));
  const int fd = run.file.get();
  if (!run.file || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return ErrnoStatus(errno, "write the spec");
  }
  run.command = {BinaryDir() + "/quern-task", flag, fmt::format("/proc/self/fd/{}", fd)};
  if (options.threads.has_value()) {
    run.command.insert(run.command.end(), {"--threads", std::to_string(*options.threads)});
  }
  if (!options.tasks.empty()) run.command.insert(run.command.end(), {"--tasks", options.tasks});
  if (options.check) run.command.push_back("--check");
  if (session.json) run.command.push_back("--json");
  if (session.quiet) run.command.push_back("--quiet");
  if (!session.master_flag.empty()) {
    run.command.insert(run.command.end(), {"--master", session.master_flag});
  }
  return run;
}

absl::StatusOr<int> Become(Session* session, const std::string& flag, const std::string& bytes,
                           const LocalRunOptions& options) {
  ASSIGN_OR_RETURN(LocalRun run, MakeRun(*session, flag, bytes, options));
  std::vector<char*> argv;
  for (std::string& word : run.command) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return ErrnoStatus(errno, argv[0]);
}

void UsePlugin(const std::string& path, pb::JobSpec* spec) {
  spec->mutable_plugin()->set_path(AbsolutePath(path));
}

}  // namespace

absl::StatusOr<int> RunLocally(Session* session, pb::JobSpec spec, const std::string& plugin_path,
                               const LocalRunOptions& options) {
  UsePlugin(plugin_path, &spec);
  return Become(session, "--local", spec.SerializeAsString(), options);
}

absl::StatusOr<int> RunLocallyAndWait(Session* session, pb::JobSpec spec,
                                      const std::string& plugin_path,
                                      const LocalRunOptions& options) {
  UsePlugin(plugin_path, &spec);
  ASSIGN_OR_RETURN(LocalRun run, MakeRun(*session, "--local", spec.SerializeAsString(), options));
  if (!options.tells) run.command.push_back("--quiet");
  SpawnOptions spawn;
  spawn.inherit_fds = {run.file.get()};
  spawn.new_process_group = false;  // the terminal interrupts both
  spawn.death_signal = SIGTERM;     // which leaves it the time to remove what it has made
  ASSIGN_OR_RETURN(const auto task, Subprocess::Spawn(run.command, spawn));
  const ExitStatus exit = WaitInForeground(task.get());
  if (const int code = CodeOfEnding(exit); code != 0) return code;
  if (exit.signal == 0) return exit.code;
  return InternalError("quern-task: {}", exit.ToString());
}

absl::StatusOr<int> RunPipelineLocally(Session* session, const pb::PipelineSpec& spec,
                                       const LocalRunOptions& options) {
  return Become(session, "--local_pipeline", spec.SerializeAsString(), options);
}

}  // namespace quern::mr
