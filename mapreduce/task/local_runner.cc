#include "mapreduce/task/local_runner.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <thread>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/cli/json_line.h"
#include "common/cli/output.h"
#include "common/cluster_config.h"
#include "common/random.h"
#include "common/storage/file_io.h"
#include "common/temporary_root.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/record_position.h"
#include "mapreduce/plan/status_json.h"
#include "mapreduce/plan/task_choice.h"
#include "mapreduce/task/debug_task.h"
#include "mapreduce/task/local_job.h"
#include "mapreduce/task/local_pipeline.h"
#include "mapreduce/task/task_storage.h"

namespace quern::mr {

namespace {

constexpr char kRunLocal[] = "mr run --local";
constexpr size_t kShownOfSetAside = 1000;

int Say(int code, const absl::Status& status, std::string_view command) {
  Err().Print(ErrorLine(command, status));
  return code;
}

// It has not begun.
int Reject(const LocalOptions& options, const absl::Status& status) {
  if (!options.json) return Say(kExitRejected, status, kRunLocal);
  Err().Format("{}\n", ErrorJson(status).ToString());
  return kExitRejected;
}

// What is the same of jobs and pipelines.
template <typename Spec>
pb::JobStatus MakeEnd(const Spec& spec, const absl::Status& ran, absl::Time started,
                      absl::Time ended) {
  pb::JobStatus status;
  status.set_name(spec.name());
  status.set_user(spec.user());
  status.set_command(spec.command());
  status.set_state(ran.ok() ? pb::JOB_STATE_SUCCEEDED : pb::JOB_STATE_FAILED);
  status.set_reason(std::string(Message(ran)));
  status.set_submitted_ms(absl::ToUnixMillis(started));
  status.set_started_ms(absl::ToUnixMillis(started));
  status.set_finished_ms(absl::ToUnixMillis(ended));
  return status;
}

void DescribeJob(const LocalJob& job, pb::JobStatus* status) {
  status->set_output_path(job.spec().output().path());
  for (const pb::JobSpec::NamedOutput& named : job.spec().outputs()) {
    pb::JobStatus::NamedOutput* const output = status->add_named_outputs();
    output->set_name(named.name());
    output->set_path(named.output().path());
  }
  for (const pb::Counter& counter : job.counters()) *status->add_counters() = counter;
  *status->mutable_counter_meanings() = job.spec().counter_meanings();
}

int PrintEnd(const pb::JobStatus& status) {
  Out().Format("{}\n", JobEndJson(status).ToString());
  return status.state() == pb::JOB_STATE_SUCCEEDED ? kExitOk : kExitFailed;
}

template <typename Counters>
void ShowCounters(const Counters& counters) {
  for (const pb::Counter& counter : counters) {
    Err().Format("  {}.{} = {}\n", counter.group(), counter.name(), counter.value());
  }
}

// Those of user code alone, as `mr` shows them of a pipeline in a cluster: all would be pages.
void ShowStageCounters(const pb::JobStatus& done) {
  for (const pb::JobStatus::Stage& stage : done.stages()) {
    for (const pb::Counter& counter : stage.counters()) {
      if (counter.group() != "user") continue;
      Err().Format("  {}: {}.{} = {}\n", stage.name(), counter.group(), counter.name(),
                   counter.value());
    }
  }
}

template <typename Spec>
absl::StatusOr<Spec> ReadSpec(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFileToString(FileSystem::Real(), path));
  Spec spec;
  if (!spec.ParseFromString(bytes)) {
    return InvalidArgumentError("{}: no serialized {}", path, Spec::descriptor()->name());
  }
  return spec;
}

absl::StatusOr<client::ClientOptions> FileSystemOf(const std::string& master,
                                                   const std::string& user) {
  client::ClientOptions dfs;
  ASSIGN_OR_RETURN(dfs.masters, FindMasters(master));
  dfs.user = user;
  return dfs;
}

// Who runs a job or a pipeline.
std::string UserOf(const LocalOptions& options) {
  if (options.spec_file.empty()) {
    return ReadSpec<pb::PipelineSpec>(options.pipeline_file).value_or(pb::PipelineSpec()).user();
  }
  return ReadSpec<pb::JobSpec>(options.spec_file).value_or(pb::JobSpec()).user();
}

// What the plugins of a run put into $TMPDIR goes with it, as on a worker. Made before there are
// threads that look at the environment.
class TemporaryDir {
 public:
  explicit TemporaryDir(Leftovers* leftovers) {
    path_ = fmt::format("{}/quern-local-{}", TemporaryRoot(), RandomHex(8));
    leftovers->Note(fmt::format("{}{}", kLocalScheme, path_));
    // Without one the run itself says what is wrong.
    if (FileSystem::Real()->MakeDirs(path_).ok()) setenv("TMPDIR", path_.c_str(), 1);
  }
  ~TemporaryDir() { FileSystem::Real()->RemoveTree(path_).IgnoreError(); }
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;

 private:
  std::string path_;
};

bool IsInterrupt(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

// Where the tasks were that had not ended: each has left its record in its scratch directory.
std::vector<std::string> PlacesOfTasks(const Leftovers& leftovers) {
  std::vector<std::string> places;
  for (const std::string& path : leftovers.paths()) {
    if (!IsLocalPath(path)) continue;
    const std::string dir = path.substr(kLocalScheme.size());
    for (const std::string& task : ReadableNames(dir)) {
      pb::AttemptFailure failure;
      AddEvidence(fmt::format("{}/{}", dir, task), &failure);
      if (failure.message().empty()) continue;
      places.push_back(task + MessageAtRecord(failure));
    }
  }
  return places;
}

// "mapper Words"; empty for a task of a pipeline, or where nobody can tell.
std::string ClassOf(const pb::JobSpec& job, const std::string& task) {
  const auto name = ParseTaskName(task);
  if (!name.ok()) return "";
  if (name->kind == pb::TASK_KIND_REDUCE) {
    return job.reduce().reducer().empty() ? "" : fmt::format("reducer {}", job.reduce().reducer());
  }
  std::set<std::string> mappers;
  for (const pb::JobSpec::Input& input : job.inputs()) mappers.insert(input.mapper());
  if (mappers.size() != 1 || mappers.begin()->empty()) return "";
  return fmt::format("mapper {}", *mappers.begin());
}

// Those that had not ended: "m-00000.0 (mapper Words), which read file:///in".
std::vector<std::string> TasksUnderWay(const LocalOptions& options) {
  const pb::JobSpec job = ReadSpec<pb::JobSpec>(options.spec_file).value_or(pb::JobSpec());
  std::vector<std::string> tasks;
  for (const std::string& path : options.leftovers->paths()) {
    if (!IsLocalPath(path)) continue;
    const std::string dir = path.substr(kLocalScheme.size());
    for (const std::string& task : ReadableNames(dir)) {
      const auto position = ReadRecordPosition(fmt::format("{}/{}/record", dir, task));
      if (!position.ok()) continue;
      const std::string kind = ClassOf(job, task);
      tasks.push_back(
          fmt::format("{}{}{}", task, kind.empty() ? "" : fmt::format(" ({})", kind),
                      position->source.empty() ? "" : ", which read " + position->source));
    }
  }
  return tasks;
}

// Which record it was is not known: user code goes on for a moment.
std::string ClosedDescriptorsText(const LocalOptions& options, uint32_t closed) {
  const std::vector<std::string> tasks = TasksUnderWay(options);
  if (tasks.empty()) return ClosedText(closed);
  return fmt::format("{}{}: {}", tasks.size() > 1 ? "one of " : "", fmt::join(tasks, "; "),
                     ClosedText(closed));
}

// "its process ended with signal 11 (Segmentation fault): m-00000.0 in Map, at file:///in:4711".
std::string CutShortText(const LocalOptions& options, const ExitStatus& exit) {
  if (const uint32_t closed = options.held->noted(); closed != 0) {
    return ClosedDescriptorsText(options, closed);
  }
  const std::vector<std::string> places = PlacesOfTasks(*options.leftovers);
  std::string text = fmt::format("its process ended with {}{}", exit.ToString(),
                                 exit.signal == 0 ? " before its work was done" : "");
  if (!places.empty()) {
    text += fmt::format(": {}{}", places.size() > 1 ? "one of " : "", fmt::join(places, "; "));
  }
  // Names the task itself, which may have been between its records.
  if (const std::string fault = options.fault->Read(); !fault.empty()) {
    return fmt::format("{}. {}", text, fault);
  }
  if (places.size() > 1) text += ". Try: --threads 1, which tells which one";
  return text;
}

uint32_t ThreadsOf(const LocalOptions& options) {
  return options.threads == 0 ? std::max(std::thread::hardware_concurrency(), 1u) : options.threads;
}

// Null when nothing is to be checked.
absl::StatusOr<std::unique_ptr<LentMemory>> MemoryToLend(bool check, const FaultNote* fault) {
  if (!check) return std::unique_ptr<LentMemory>();
  return LentMemory::Create(fault);
}

// Of a few tasks only.
std::string ChoiceReason(const LocalJob& job) {
  const std::string choice = job.ChoiceText();
  return choice.empty() ? "" : fmt::format("{} were run: this is no whole output", choice);
}

// A line of its own, when there is something to say.
void SayNothingRead(const pb::JobStatus& done) {
  const std::string text = NothingReadText(done);
  if (!text.empty()) Err().Format("{}: {}\n", done.name(), CleanLine(text, kShownOfSetAside));
}

// What is said in any case.
void SayWarnings(const pb::JobStatus& done) {
  const std::string warnings = WarningText(done.counters(), done.counter_meanings());
  if (!warnings.empty())
    Err().Format("{}: {}\n", done.name(), CleanLine(warnings, kShownOfSetAside));
  SayNothingRead(done);
}

void SayDone(const LocalJob& job, pb::JobStatus done) {
  DescribeJob(job, &done);
  const std::string set_aside =
      CleanLine(SetAsideText(done.counters(), done.counter_meanings()), kShownOfSetAside);
  const std::string choice = job.ChoiceText();
  const std::string& output = job.spec().output().path();
  std::string how = "done, output in";
  if (!choice.empty()) {
    how = fmt::format("ran {}: {}", choice,
                      job.HasWritten(output) ? "only their parts are in" : "nothing of them is in");
  }
  Err().Format("{}: {} {}{}{}\n", job.spec().name(), how, output, set_aside.empty() ? "" : ". ",
               set_aside);
  for (const pb::JobSpec::NamedOutput& named : job.spec().outputs()) {
    if (!job.HasWritten(named.output().path())) continue;
    Err().Format("{}: {} in {}\n", job.spec().name(), named.name(), named.output().path());
  }
  SayNothingRead(done);
  ShowCounters(job.counters());
}

}  // namespace

int RunLocal(const LocalOptions& options) {
  const auto spec = ReadSpec<pb::JobSpec>(options.spec_file);
  if (!spec.ok()) return Reject(options, spec.status());
  const auto dfs = FileSystemOf(options.master, spec->user());
  if (!dfs.ok()) return Reject(options, dfs.status());
  const TemporaryDir temporary(options.leftovers);
  const auto lent_memory = MemoryToLend(options.check, options.fault);
  if (!lent_memory.ok()) return Reject(options, lent_memory.status());
  LocalJob job(*spec, ThreadsOf(options), *dfs, options.leftovers);
  job.SetLentMemory(lent_memory->get());
  job.SetHeld(options.held);
  job.SetQuiet(options.quiet || options.json);
  if (!options.tasks.empty()) {
    auto choice = ParseTaskChoice(options.tasks);
    if (!choice.ok()) return Reject(options, choice.status());
    job.Choose(*std::move(choice));
  }
  const absl::Time started = options.clock->TimeNow();
  if (const absl::Status status = job.Prepare(); !status.ok()) return Reject(options, status);
  const absl::Status ran = job.Run();
  pb::JobStatus end = MakeEnd(*spec, ran, started, options.clock->TimeNow());
  if (options.json) {
    DescribeJob(job, &end);
    if (ran.ok()) end.set_reason(ChoiceReason(job));
    return PrintEnd(end);
  }
  if (!ran.ok()) return Say(kExitFailed, ran, kRunLocal);
  if (options.quiet) {
    DescribeJob(job, &end);
    SayWarnings(end);
  } else {
    SayDone(job, std::move(end));
  }
  return kExitOk;
}

int RunLocalPipeline(const LocalOptions& options) {
  const auto spec = ReadSpec<pb::PipelineSpec>(options.pipeline_file);
  if (!spec.ok()) return Reject(options, spec.status());
  const auto dfs = FileSystemOf(options.master, spec->user());
  if (!dfs.ok()) return Reject(options, dfs.status());
  const TemporaryDir temporary(options.leftovers);
  const auto lent_memory = MemoryToLend(options.check, options.fault);
  if (!lent_memory.ok()) return Reject(options, lent_memory.status());
  LocalPipeline pipeline(*spec, {.threads = ThreadsOf(options),
                                 .dfs = *dfs,
                                 .leftovers = options.leftovers,
                                 .lent_memory = lent_memory->get(),
                                 .held = options.held,
                                 .quiet = options.quiet,
                                 .json = options.json});
  const absl::Time started = options.clock->TimeNow();
  if (const absl::Status status = pipeline.Prepare(); !status.ok()) return Reject(options, status);
  const absl::Status ran = pipeline.Run();
  pb::JobStatus end = MakeEnd(*spec, ran, started, options.clock->TimeNow());
  pipeline.Describe(&end);
  if (options.json) return PrintEnd(end);
  if (!ran.ok()) return Say(kExitFailed, ran, kRunLocal);
  if (!options.quiet) Err().Format("{}: done, output in {}\n", spec->name(), end.output_path());
  SayNothingRead(end);
  if (!options.quiet) ShowStageCounters(end);
  return kExitOk;
}

void RemoveLeftovers(const LocalOptions& options) {
  const std::vector<std::string> paths = options.leftovers->paths();
  if (paths.empty()) return;
  const auto dfs = FileSystemOf(options.master, UserOf(options));
  const auto storage = MakeTaskStorage(dfs.ok() ? *dfs : client::ClientOptions());
  bool has_master = dfs.ok();
  for (const std::string& path : paths) {
    if (!IsLocalPath(path) && !has_master) continue;
    const absl::Status status = storage->RemoveTree(path);
    // One that is not there is waited for once.
    has_master = has_master && status.code() != absl::StatusCode::kUnavailable;
    if (!status.ok()) Err().Print(ErrorLine(kRunLocal, Annotate(status, "clean up")));
  }
}

std::optional<int> DescribeCutShort(const LocalOptions& options, absl::Time started,
                                    const ExitStatus& exit) {
  if (options.leftovers->paths().empty()) return std::nullopt;
  const bool interrupted = IsInterrupt(exit.signal);
  const absl::Status ran = InternalError("{}", CutShortText(options, exit));
  if (!options.json && !interrupted) Say(kExitFailed, ran, kRunLocal);
  if (options.json) {
    const absl::Time ended = options.clock->TimeNow();
    const auto print = [&](const auto& spec) { PrintEnd(MakeEnd(spec, ran, started, ended)); };
    if (options.spec_file.empty()) {
      print(ReadSpec<pb::PipelineSpec>(options.pipeline_file).value_or(pb::PipelineSpec()));
    } else {
      print(ReadSpec<pb::JobSpec>(options.spec_file).value_or(pb::JobSpec()));
    }
    Out().Flush().IgnoreError();  // the process ends without that
  }
  return interrupted ? std::nullopt : std::optional<int>(kExitFailed);
}

int RunDebug(const LocalOptions& options) {
  constexpr char kCommand[] = "mr debug";
  const auto run = ReadSpec<pb::DebugRun>(options.debug_file);
  if (!run.ok()) return Say(kExitFailed, run.status(), kCommand);
  const auto fail = [&](const absl::Status& status) {
    NoteThatItHasSaid(run->scratch_dir());
    return Say(kExitFailed, status, kCommand);
  };
  const pb::TaskSpec& task = run->task();
  const auto dfs = FileSystemOf(options.master, task.job().user());
  if (!dfs.ok()) return fail(dfs.status());
  // What user code printed before it crashed is seen, whoever reads it.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const FaultNote fault(fmt::format("{}/{}", run->scratch_dir(), kFaultNoteName));
  const auto lent_memory = MemoryToLend(options.check, &fault);
  if (!lent_memory.ok()) return fail(lent_memory.status());
  DebugTask debug(*run, ThreadsOf(options), *dfs);
  debug.SetLentMemory(lent_memory->get());
  debug.SetHeld(options.held);
  const auto result = debug.Run();
  if (!result.ok()) return fail(result.status());
  NoteThatItHasSaid(run->scratch_dir());
  Out().Flush().IgnoreError();  // what user code has printed comes first
  Err().Format("{}: ran here without a failure\n", FormatTask(task.id().kind(), task.id().task()));
  ShowCounters(result->counters());
  return kExitOk;
}

}  // namespace quern::mr
