// `mr debug JOB m-17`: runs one task of a job once more, here, in the user's terminal.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <utility>

#include "client/file_system.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"
#include "common/cli/output.h"
#include "common/sizes.h"
#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/compile.h"
#include "mapreduce/cli/debug_files.h"
#include "mapreduce/cli/foreground.h"
#include "mapreduce/cli/private_dir.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/engine/task_id.h"
#include "quern/mr/v1/task.pb.h"

namespace quern::mr {
namespace {

class Debug final : public JobCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("--gdb", &gdb_, "under gdb: breakpoints may be set before the plugin is loaded");
    line->Switch("--check", &check_,
                 "end where code keeps a view too long, reads past its end, or writes into it");
    line->Value(
        "-o,--output", "DIR", &output_,
        "keep the files that the task writes, in a new directory; what a map emits is none");
    line->Arguments(&words_, 2, 2);
  }

  absl::StatusOr<int> Run(Session* session) override {
    RETURN_IF_ERROR(CheckUse());
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    pb::GetTaskRequest request;
    request.set_job_id(words_[0]);
    request.set_kind(task_.kind);
    request.set_task(task_.task);
    ASSIGN_OR_RETURN(const pb::GetTaskResponse found, coordinator->GetTask(request));
    PrivateDir dir;
    RETURN_IF_ERROR(dir.Make("debug"));
    RETURN_IF_ERROR(Annotate(Prepare(*session, found, dir.path()), name()));
    if (!session->quiet) Err().Format("{}: {}\n", name(), DescribeInput(found));
    return RunTask(*session, dir.path());
  }

 private:
  std::string name() const { return FormatTask(task_.kind, task_.task); }

  absl::Status CheckUse() {
    const absl::StatusOr<TaskName> task = ParseTaskName(words_[1]);
    if (!task.ok()) return UsageError(Message(task.status()));
    if (task->attempt.has_value()) {
      return UsageError(fmt::format("{}: all attempts of a task read the same. Try: {}", words_[1],
                                    FormatTask(task->kind, task->task)));
    }
    if (task->kind == pb::TASK_KIND_SAMPLE) {
      return UsageError(
          fmt::format("{}: a sample only reads a little of what maps read. Try: m-0", words_[1]));
    }
    if (!output_.empty() && FileSystem::Real()->Exists(output_)) {
      return UsageError(fmt::format("--output {}: is there already", output_));
    }
    task_ = *task;
    return absl::OkStatus();
  }

  // Writes the file `run`, and everything that it names.
  absl::Status Prepare(const Session& session, const pb::GetTaskResponse& found,
                       const std::string& dir) {
    client::ClientOptions options;
    ASSIGN_OR_RETURN(options.masters, session.masters());
    options.user = found.task().job().user();
    options.clock = session.clock;
    const auto dfs = client::FileSystem::Create(options);
    pb::DebugRun run;
    *run.mutable_task() = found.task();
    run.set_scratch_dir(dir);
    if (task_.kind == pb::TASK_KIND_MAP)
      RETURN_IF_ERROR(CheckInput(dfs.get(), found.task().split()));
    std::set<std::string> checked;
    for (const pb::GetTaskResponse::Map& map : found.maps()) {
      *run.add_map_splits() = map.split();
      if (map.has_output()) {
        *run.mutable_task()->add_map_outputs() = map.output();
      } else if (checked.insert(FirstPath(map.split())).second || map.split().pieces_size() > 1) {
        RETURN_IF_ERROR(CheckInput(dfs.get(), map.split()));
      }
    }
    RETURN_IF_ERROR(FetchJobFiles(dfs.get(), dir, run.mutable_task()->mutable_job()));
    NameOutputs(dir, run.mutable_task());
    return WriteFileDurably(FileSystem::Real(), dir + "/run", run.SerializeAsString());
  }

  // A large file is looked at once, and not for each of its splits.
  static std::string FirstPath(const pb::Split& split) {
    return split.pieces().empty() ? "" : split.pieces(0).path();
  }

  void NameOutputs(const std::string& dir, pb::TaskSpec* task) const {
    const std::string out = output_.empty() ? dir + "/out" : AbsolutePath(output_);
    task->set_attempt_dir(fmt::format("{}{}", kLocalScheme, out));
    for (const pb::JobSpec::NamedOutput& named : task->job().outputs()) {
      task->add_output_dirs(fmt::format("{}{}/{}", kLocalScheme, out, named.name()));
    }
  }

  static std::string DescribeInput(const pb::GetTaskResponse& found) {
    if (found.task().id().kind() == pb::TASK_KIND_REDUCE) {
      const auto there = std::count_if(found.maps().begin(), found.maps().end(),
                                       [](const auto& map) { return map.has_output(); });
      return fmt::format("reads the outputs of {}, {} of them {} still there",
                         CountOf(static_cast<uint64_t>(found.maps_size()), "map"), there,
                         there == 1 ? "is" : "are");
    }
    const pb::Split& split = found.task().split();
    uint64_t bytes = 0;
    for (const pb::InputPiece& piece : split.pieces()) bytes += piece.length();
    std::string text = fmt::format("reads {}", FormatBinarySize(bytes));
    if (split.pieces().empty()) return text;
    text += fmt::format(" of {} from {}", split.pieces(0).path(), split.pieces(0).offset());
    if (split.pieces_size() > 1) text += fmt::format(", and {} more", split.pieces_size() - 1);
    return text;
  }

  absl::StatusOr<int> RunTask(const Session& session, const std::string& dir) const {
    std::vector<std::string> argv = {BinaryDir() + "/quern-task", "--debug", dir + "/run"};
    if (!session.master_flag.empty()) argv.insert(argv.end(), {"--master", session.master_flag});
    if (check_) argv.push_back("--check");
    if (gdb_)
      argv.insert(argv.begin(), {"gdb", "-q", "-ex", "set breakpoint pending on", "--args"});
    SpawnOptions options;
    options.stdin_fd = STDIN_FILENO;
    options.new_process_group = false;  // it has the terminal
    RETURN_IF_ERROR(Out().Flush());
    auto process = Subprocess::Spawn(argv, options);
    if (gdb_ && process.status().code() == absl::StatusCode::kNotFound) {
      return NotFoundError("gdb: is not on this machine. Try: apt-get install gdb");
    }
    RETURN_IF_ERROR(process.status());
    const ExitStatus exit = WaitInForeground(process->get());
    if (const int code = CodeOfEnding(exit); code != 0) return code;
    const bool has_said = FileSystem::Real()->Exists(fmt::format("{}/{}", dir, kHasSaid));
    if ((exit.ok() && has_said) || gdb_) return ShowOutput();
    if (!has_said || exit.signal != 0) ShowEnding(exit, dir);
    Err().Format("Try: mr debug {} {} --gdb\n", words_[0], words_[1]);
    return kExitFailed;
  }

  int ShowOutput() const {
    if (output_.empty()) return kExitOk;
    if (FileSystem::Real()->Exists(output_)) {
      Err().Format("{}: wrote into {}\n", name(), output_);
    } else {
      Err().Format("{}: wrote no files; what a map emits goes to the reduces\n", name());
    }
    return kExitOk;
  }

  // Of a process that its code has ended before it could say anything.
  void ShowEnding(const ExitStatus& exit, const std::string& dir) const {
    pb::AttemptFailure failure = DescribeExit(exit);
    AddEvidence(dir, &failure);
    Err().Format("mr debug: {}: {}\n", name(), MessageAtRecord(failure));
    const std::string fault =
        ReadFileToString(FileSystem::Real(), fmt::format("{}/{}", dir, kFaultNoteName))
            .value_or("");
    // Each line tells of one thread; the first one was first.
    const std::string first = fault.substr(0, fault.find('\n'));
    if (!first.empty()) Err().Format("mr debug: {}: {}\n", name(), first);
  }

  bool gdb_ = false;
  bool check_ = false;
  std::string output_;
  std::vector<std::string> words_;
  TaskName task_;
};

}  // namespace

CommandSpec DebugCommand() {
  return {.name = "debug",
          .aliases = {},
          .usage = "JOB TASK [--gdb] [--check] [-o DIR]",
          .summary = "run one task of a job once more, here, on what it has read",
          .examples = {"mr debug job-20261122-0001 m-17", "mr debug job-20261122-0001 r-3 --gdb",
                       "mr debug job-20261122-0001 r-3 -o /tmp/r-3"},
          .make = Maker<Debug>("debug")};
}

}  // namespace quern::mr
