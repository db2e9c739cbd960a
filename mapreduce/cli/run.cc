// mr run: from what the user named to a submitted job.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "client/file_system.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"
#include "common/cli/output.h"
#include "common/shell_words.h"
#include "common/storage/file_io.h"
#include "mapreduce/cli/addition.h"
#include "mapreduce/cli/answer.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/compile.h"
#include "mapreduce/cli/explain.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/job_flags.h"
#include "mapreduce/cli/job_paths.h"
#include "mapreduce/cli/job_source.h"
#include "mapreduce/cli/local_settings.h"
#include "mapreduce/cli/missing_servers.h"
#include "mapreduce/cli/on_this_machine.h"
#include "mapreduce/cli/pipeline_run.h"
#include "mapreduce/cli/plugin_upload.h"
#include "mapreduce/cli/run_local.h"
#include "mapreduce/cli/watch.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/plugin_check.h"
#include "mapreduce/plan/plugin_info.h"
#include "mapreduce/plan/task_choice.h"

namespace quern::mr {
namespace {

class RunJob final : public JobCommand {
 public:
  RunJob() = default;
  explicit RunJob(bool explain) : explains_(explain), dry_run_(explain) {}

  void Define(CommandLine* line) override {
    line->Values("--map", "CMD", &maps_,
                 "any command as the mapper, instead of a job: lines in, lines out");
    line->Value("--combine", "CMD", &combine_command_, "... as the combiner");
    line->Values("--reduce", "N | CMD", &reduces_,
                 "reduce tasks (0 = map only), or a command as the reducer; may be given twice");
    line->Value("--io", "lines|frames", &io_, "how commands read and write records");
    line->Switch("--map-only", &map_only_, "no reduce tasks: the mapper's records are the output");
    line->Value(
        "--memory", "SIZE", &memory_,
        "memory of one task attempt, such as 256MiB; with --local of what the engine does in "
        "it, and your code has no limit");
    line->Value("--replication", "N", &replication_, "copies of an output in the cluster");
    line->Value("--format", "F", &format_,
                fmt::format("of the input: {}", fmt::join(InputFormatNames(), ", ")));
    line->Value("--mapper", "CLASS", &mapper_, "class to use as the mapper");
    line->Value("--reducer", "CLASS", &reducer_, "... as the reducer");
    line->Value("--combiner", "CLASS", &combiner_, "... as the combiner");
    line->Value("--partitioner", "NAME", &partitioner_, "hash, range, or a class");
    line->Value("--name", "TEXT", &name_, "what the job is called");
    line->Values("--files", "PATH,...", &files_,
                 "files of this machine (or /PATH of the cluster) for context.file(\"NAME\")");
    line->Values("--set", "KEY=VALUE", &settings_,
                 "any key of the spec, such as limits.timeout=1h");
    line->Switch("--overwrite", &overwrite_, "replace the output if it is there");
    line->Switch("--append", &append_, "add the output to what is in OUT, where the job can");
    line->Switch("--merge", &merge_, "with --append: and make one of all that is there");
    line->Switch("--detach", &detach_, "print the job's id and do not wait for it");
    line->Switch(
        "--local", &local_,
        "run it, or all stages of a pipeline, in one process on this machine; there your code "
        "has no limit of memory and time, and the first failure ends the run");
    line->Number("--threads", "N", &threads_, {1, 1000}, "tasks at once with --local");
    line->Switch("--check", &check_,
                 "with --local: end where code keeps a view too long, reads past its end, or "
                 "writes into it");
    line->Value("--tasks", "m-0,r-2,...", &tasks_,
                "with --local: only these (and all maps, if a reduce is among them); their parts "
                "are no whole output and have no _SUCCESS and no _MANIFEST.json");
    line->Switch("--keep", &keep_, "of a pipeline: what lies between its stages stays");
    if (!explains_) line->Switch("--dry-run", &dry_run_, "as mr explain: run nothing");
    line->Switch("--splits", &all_splits_, "with --dry-run: every map task, not only a few");
    line->Arguments(&words_, 1);
  }

  absl::Status DefineMore(const std::vector<std::string>& words, CommandLine* line) override {
    const std::string job = line->FirstArgument(words);
    if (job.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<JobFlag> flags, FlagsOfJob(job));
    job_flags_.Define(flags, line);
    return absl::OkStatus();
  }

  std::string Help(const std::vector<std::string>& words) override {
    // "mr run grep --help" is about grep.
    if (words.empty() || words[0].starts_with("-")) return "";
    if (const auto pipeline = FindPipeline(words[0])) {
      return PipelineHelp(Name(), words[0], *pipeline);
    }
    const auto file = ReadyMadeSpec(words[0]);
    if (!file.ok()) return "";
    return fmt::format("usage: {0} {1} [FLAGS]\n\n{2}\n{3}All flags of {0}: {0} --help\n", Name(),
                       file->usage.empty() ? words[0] + " IN... OUT" : file->usage, file->help,
                       JobFlagHelp(file->flags));
  }

  absl::StatusOr<int> Run(Session* session) override {
    if (maps_.size() > 1) return UsageError("--map: a job has one. Try: a pipeline");
    if (all_splits_ && !dry_run_) return UsageError("--splits: is for mr explain and --dry-run");
    ASSIGN_OR_RETURN(const std::vector<std::string> of_the_job, job_flags_.Settings());
    all_settings_ = settings_;
    all_settings_.insert(all_settings_.end(), of_the_job.begin(), of_the_job.end());
    const auto pipeline = maps_.empty() ? FindPipeline(words_[0]) : std::nullopt;
    RETURN_IF_ERROR(Addition::CheckFlags({.append = append_,
                                          .merge = merge_,
                                          .detach = detach_,
                                          .overwrite = overwrite_,
                                          .some_tasks = !tasks_.empty()}));
    if (pipeline && append_) return UsageError("--append: is for jobs, and no pipelines");
    if (pipeline) return RunStages(session, *pipeline);
    if (keep_) return UsageError("--keep: is for pipelines");
    if (local_ && detach_)
      return UsageError("--local: is one process, and leaves nothing for --detach");
    if (threads_ && !local_) return UsageError("--threads: is for --local");
    RETURN_IF_ERROR(CheckLocalFlags());
    absl::StatusOr<JobSource> source = Load();
    if (!source.ok()) return Rejected(*session, source.status());
    const absl::Status applied = Apply(&source->file);
    if (!applied.ok()) return Rejected(*session, applied);
    if (const absl::Status known = CheckParameters(source->file); !known.ok()) {
      return UsageError(Message(known));
    }
    if (dry_run_) {
      const absl::StatusOr<PluginInfo> known = ReadPlugin(source->plugin_path);
      if (!known.ok()) return Rejected(*session, known.status());
      TakeOnlyCombiner(*source, *known, &source->file.spec);
      RETURN_IF_ERROR(CheckHolds(source->file.spec));
      return ExplainJob(session, source->file, *known,
                        {.local = local_,
                         .threads = threads_,
                         .all_splits = all_splits_,
                         .said = Said(),
                         .command = Name()});
    }
    if (answers_) return RunAnswer(session, &*source);
    ASSIGN_OR_RETURN(const int code, RunChecked(session, &*source));
    return code == kExitOk && append_ ? addition_.Finish(*session) : code;
  }

 private:
  // What the user has typed.
  std::string Name() const { return explains_ ? "mr explain" : "mr run"; }

  absl::StatusOr<JobSource> Load() const {
    if (maps_.empty()) return LoadJob(words_[0]);
    absl::StatusOr<JobSource> source = CommandJob(maps_[0]);
    if (!source.ok()) return UsageError(fmt::format("--{}", Message(source.status())));
    return source;
  }

  absl::StatusOr<int> RunChecked(Session* session, JobSource* source) {
    const absl::StatusOr<PluginInfo> plugin = Check(source);
    if (!plugin.ok()) return Rejected(*session, plugin.status());
    const absl::Status there = CheckNotOnlyHere(*session, source->file.spec, Said());
    if (!there.ok()) return Rejected(*session, there);
    RETURN_IF_ERROR(CheckHolds(source->file.spec));
    if (!local_) return Submit(session, source, *plugin);
    WarnOfMissingServers(*session, "mr run", MostCopies(source->file.spec));
    if (answers_ || append_) {
      return RunLocallyAndWait(session, source->file.spec, source->plugin_path, LocalFlags());
    }
    return RunLocally(session, source->file.spec, source->plugin_path, LocalFlags());
  }

  // What is for runs in this process only.
  absl::Status CheckLocalFlags() const {
    if (check_ && !local_) {
      return UsageError("--check: looks at code that runs here. Try: mr run --local --check ...");
    }
    if (tasks_.empty()) return absl::OkStatus();
    if (!local_) {
      return UsageError("--tasks: in a cluster all tasks run. Try: mr run --local --tasks " +
                        tasks_ + " ..., or mr debug JOB TASK");
    }
    if (dry_run_) return UsageError("--tasks: are for a run. Try: --splits, which lists them");
    if (overwrite_) {
      return UsageError(
          "--overwrite: a few tasks never replace an output. Try: an OUT that is not there");
    }
    const absl::Status known = ParseTaskChoice(tasks_).status();
    return known.ok() ? known : UsageError(fmt::format("--tasks: {}", Message(known)));
  }
  absl::Status CheckHolds(const pb::JobSpec& spec) const {
    if (!local_) return absl::OkStatus();
    return CheckHoldsHere({all_settings_, replication_, MostCopies(spec)});
  }
  SaidPaths Said() const { return {.settings = all_settings_, .files = files_, .local = local_}; }
  LocalRunOptions LocalFlags() const {
    return {.threads = threads_, .tasks = tasks_, .tells = append_, .check = check_};
  }

  // The job, and then what it has written.
  absl::StatusOr<int> RunAnswer(Session* session, JobSource* source) {
    const std::string& job = source->file.spec.name();
    if (!tasks_.empty()) {
      return UsageError(fmt::format("--tasks: {} answers when all of it has run", job));
    }
    if (detach_ || session->json) {
      return UsageError(fmt::format("{}: {} answers on the terminal. Try: an OUT at the end",
                                    detach_ ? "--detach" : "--json", job));
    }
    Answer answer;
    RETURN_IF_ERROR(answer.Prepare(*session, local_));
    source->file.spec.mutable_output()->set_path(answer.path());
    ASSIGN_OR_RETURN(const int code, RunChecked(session, source));
    if (code == kExitRejected && !source->file.hint.empty()) {
      Err().Format("{}: {}\n", job, source->file.hint);
    }
    if (code == kExitOk) RETURN_IF_ERROR(answer.Print());
    return code;
  }

  // Wrong keys in a file are wrong usage; everything else that stops a job early is a rejection.
  absl::StatusOr<int> Rejected(const Session& session, const absl::Status& status) const {
    if (IsUsageError(status)) return status;
    const std::string_view message = Message(status);
    const bool usage = message.find("unknown key") != std::string_view::npos;
    if (usage) return UsageError(message);
    session.Report(Name(), status);
    return ExitOfSubmission(status);
  }

  absl::StatusOr<int> RunStages(Session* session, const PipelineText& pipeline) const {
    if (local_ && (keep_ || detach_)) {
      return UsageError("--local: is one process, and leaves nothing for --keep and --detach");
    }
    if (!tasks_.empty()) {
      return UsageError(
          "--tasks: a pipeline has tasks of several jobs. Try: mr run --local JOB --tasks " +
          tasks_ + " IN OUT, of one of them");
    }
    RETURN_IF_ERROR(CheckLocalFlags());
    if (local_ && dry_run_)
      return UsageError("--local: a pipeline is explained only as it runs in a cluster");
    const std::string of_one_job =
        format_ + mapper_ + reducer_ + combiner_ + partitioner_ + combine_command_ + io_;
    if (map_only_ || !files_.empty() || !reduces_.empty() || (threads_ && !local_) ||
        !of_one_job.empty()) {
      return UsageError(
          "a pipeline has several jobs: say of which stage, as in --set STAGE.reduce.tasks=4");
    }
    const absl::StatusOr<StartedPipeline> started =
        StartPipeline(session, pipeline,
                      {.settings = all_settings_,
                       .words = {words_.begin() + 1, words_.end()},
                       .name = name_,
                       .memory = memory_,
                       .replication = replication_,
                       .user = UserName(),
                       .command = CommandText(),
                       .typed = Name(),
                       .overwrite = overwrite_,
                       .keep = keep_,
                       .detach = detach_,
                       .dry_run = dry_run_,
                       .all_splits = all_splits_,
                       .local = local_,
                       .check = check_,
                       .threads = threads_});
    if (!started.ok()) return Rejected(*session, started.status());
    if (const int* code = std::get_if<int>(&*started)) return *code;
    // It runs, whatever becomes of this command: nothing is a rejection any more.
    return AfterSubmission(session, std::get<pb::SubmitPipelineResponse>(*started), detach_,
                           /*dry_run=*/false);
  }

  // Flags and arguments over what the spec says.
  absl::Status Apply(SpecFile* file) {
    for (const std::string& setting : all_settings_) RETURN_IF_ERROR(Set("--set", setting, file));
    const auto reduces = map_only_ ? std::vector<std::string>{"0"} : reduces_;
    for (const std::string& reduce : reduces) RETURN_IF_ERROR(SetReduce(reduce, file));
    const std::pair<std::string, std::string> flags[] = {
        {"combine", combine_command_},        {"params.command.io", io_},
        {"limits.memory", memory_},           {"output.replication", replication_},
        {"reduce.class", reducer_},           {"reduce.combiner", combiner_},
        {"reduce.partitioner", partitioner_}, {"name", name_}};
    for (const auto& [key, value] : flags) {
      if (!value.empty()) RETURN_IF_ERROR(Set("", fmt::format("{}={}", key, value), file));
    }
    if (overwrite_) file->spec.mutable_output()->set_overwrite(true);
    RETURN_IF_ERROR(ApplyArguments(file));
    if (append_) RETURN_IF_ERROR(addition_.Prepare(merge_, file));
    if (!format_.empty()) RETURN_IF_ERROR(Set("--format", "input.format=" + format_, file));
    if (!mapper_.empty()) RETURN_IF_ERROR(Set("--mapper", "input.mapper=" + mapper_, file));
    // A map-only job has neither, whatever the ready-made spec says.
    if (file->spec.reduce().has_tasks() && file->spec.reduce().tasks() == 0) {
      file->spec.mutable_reduce()->clear_combiner();
      file->spec.mutable_reduce()->clear_reducer();
    }
    for (const std::string& list : files_) {
      for (const std::string& path : SplitList(list)) AddSideFile(path, "", file);
    }
    NameSideFiles(file);
    if (RunsCommands(*file)) RETURN_IF_ERROR(CompleteCommands(file));
    file->spec.set_user(UserName());
    file->spec.set_command(CommandText());
    return absl::OkStatus();
  }

  static absl::Status Set(std::string_view flag, const std::string& assignment, SpecFile* file) {
    const absl::Status status = SetSpecKey(assignment, file);
    if (status.ok()) return status;
    return UsageError(flag.empty() ? std::string(Message(status))
                                   : fmt::format("{}: {}", flag, Message(status)));
  }

  // How many tasks, or what runs in them.
  static absl::Status SetReduce(const std::string& value, SpecFile* file) {
    const bool digits =
        !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    if (digits || RunsCommands(*file)) {
      return Set("--reduce", fmt::format("{}={}", digits ? "reduce.tasks" : "reduce", value), file);
    }
    return UsageError(
        fmt::format("--reduce: '{}' is no number, and a command needs --map beside it", value));
  }

  // [ARGUMENTS OF THE JOB...] [IN... OUT]
  absl::Status ApplyArguments(SpecFile* file) {
    std::vector<std::string> rest(words_.begin() + (maps_.empty() ? 1 : 0), words_.end());
    const size_t own = file->arguments.size();
    // Those that answer have their inputs among their arguments, and need no OUT.
    if (file->answers ? rest.size() < own || rest.size() > own + 1
                      : own > 0 && rest.size() < own + 2) {
      return UsageError(fmt::format("usage: {} {}", Name(), file->usage));
    }
    for (size_t i = 0; i < own; ++i) {
      RETURN_IF_ERROR(SetSpecKey(file->arguments[i], rest[i], file));
    }
    rest.erase(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(own));
    if (file->answers) {
      answers_ = rest.empty();
      file->spec.mutable_output()->set_path(answers_ ? PlaceToExplain() : rest[0]);
      return absl::OkStatus();
    }
    if (rest.empty()) return CheckHasPaths(*file, Name());
    if (rest.size() == 1) {
      return UsageError(fmt::format("'{}' alone: give both IN and OUT", rest[0]));
    }
    file->spec.mutable_output()->set_path(rest.back());
    rest.pop_back();
    return SetInputs(rest, Name(), file);
  }

  // What can be known without asking anybody.
  absl::StatusOr<PluginInfo> Check(JobSource* source) const {
    pb::JobSpec* spec = &source->file.spec;
    ASSIGN_OR_RETURN(PluginInfo plugin, ReadPlugin(source->plugin_path));
    FillDefaults(spec);
    RETURN_IF_ERROR(CheckJobSpec(*spec, {.local = local_, .runs_here = local_}));
    RETURN_IF_ERROR(CheckUsersOutputs(*spec));
    RETURN_IF_ERROR(CheckLocalSideFiles(*spec));
    RETURN_IF_ERROR(ResolveClasses(plugin, spec));
    TakeOnlyCombiner(*source, plugin, spec);
    return plugin;
  }

  absl::StatusOr<int> Submit(Session* session, JobSource* source, const PluginInfo& plugin) {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    ASSIGN_OR_RETURN(const std::vector<std::string> masters, session->masters());
    const auto uploaded = UploadPlugin(masters, source->plugin_path, plugin, session->clock);
    if (!uploaded.ok()) return Rejected(*session, uploaded.status());
    pb::SubmitRequest request;
    *request.mutable_spec() = source->file.spec;
    *request.mutable_spec()->mutable_plugin() = *uploaded;
    const absl::Status brought = UploadSideFiles(masters, request.mutable_spec(), session->clock);
    if (!brought.ok()) return Rejected(*session, brought);
    WarnOfMissingServers(*session, "mr run", MostCopies(request.spec()));
    const auto response = coordinator->Submit(std::move(request));
    if (!response.ok()) return Rejected(*session, response.status());
    if (detach_) {
      if (session->json) {
        Out().Format("{}\n", JsonLine().Add("job", response->job_id()).ToString());
      } else {
        Out().Format("{}\n", response->job_id());
      }
      return kExitOk;
    }
    return WatchToTheEnd(session, response->job_id(),
                         answers_ ? Success::kSilent : Success::kShown);
  }

  // Of an answer, for a dry run; RunAnswer chooses the real one.
  std::string PlaceToExplain() const {
    return local_ ? "file:///tmp/quern-answer" : fmt::format("{}/{}", kAnswersDir, kShownAnswer);
  }
  static std::string UserName() {
    const char* user = std::getenv("USER");
    if (user != nullptr && *user != '\0') return user;
    return getuid() == 0 ? "root" : fmt::format("uid{}", getuid());
  }
  // What to type for the same once more; how its end is waited for is no part of it.
  std::string CommandText() const {
    std::string commands, words;
    for (const std::string& map : maps_) AddFlag("--map", map, &commands);
    AddFlag("--combine", combine_command_, &commands);
    for (const std::string& reduce : reduces_) AddFlag("--reduce", reduce, &commands);
    // A job's own flags stand behind its name.
    const std::string own = job_flags_.Text();
    const size_t named = own.empty() ? 0 : 1;
    if (named > 0) commands += " " + ShellQuotedLine(words_[0]);
    bool has_dash = false;
    for (size_t i = named; i < words_.size(); ++i) {
      words += " " + ShellQuotedLine(words_[i]);
      has_dash = has_dash || words_[i].starts_with('-');
    }
    const std::string flags = FlagsText() + own;
    return "mr run" + commands + (has_dash ? flags + " --" + words : words + flags);
  }
  std::string FlagsText() const {
    std::string text;
    if (local_) text += " --local";
    if (threads_) text += fmt::format(" --threads {}", *threads_);
    if (check_) text += " --check";
    AddFlag("--tasks", tasks_, &text);
    if (map_only_) text += " --map-only";
    if (overwrite_) text += " --overwrite";
    if (append_) text += " --append";
    if (merge_) text += " --merge";
    if (keep_) text += " --keep";
    AddFlag("--io", io_, &text);
    AddFlag("--memory", memory_, &text);
    AddFlag("--replication", replication_, &text);
    AddFlag("--format", format_, &text);
    AddFlag("--mapper", mapper_, &text);
    AddFlag("--reducer", reducer_, &text);
    AddFlag("--combiner", combiner_, &text);
    AddFlag("--partitioner", partitioner_, &text);
    AddFlag("--name", name_, &text);
    for (const std::string& list : files_) AddFlag("--files", list, &text);
    for (const std::string& setting : settings_) AddFlag("--set", setting, &text);
    return text;
  }
  static void AddFlag(std::string_view flag, const std::string& value, std::string* text) {
    if (!value.empty()) *text += fmt::format(" {} {}", flag, ShellQuotedLine(value));
  }

  std::vector<std::string> words_;
  std::vector<std::string> settings_;
  JobFlags job_flags_;
  std::vector<std::string> all_settings_;  // what --set says, and behind it the job's own flags
  std::vector<std::string> files_;
  std::vector<std::string> maps_;
  std::string combine_command_, io_;
  std::vector<std::string> reduces_;
  std::string memory_, replication_, format_, name_;
  std::string mapper_, reducer_, combiner_, partitioner_;
  std::string tasks_;
  std::optional<int64_t> threads_;
  bool map_only_ = false;
  bool overwrite_ = false;
  bool append_ = false;
  bool merge_ = false;
  Addition addition_;
  bool keep_ = false;
  bool detach_ = false;
  bool local_ = false;
  bool check_ = false;
  const bool explains_ = false;
  bool dry_run_ = false;
  bool answers_ = false;  // what the job writes is printed
  bool all_splits_ = false;
};

}  // namespace

std::vector<std::string> FlagsOfRun() {
  CommandLine line;
  const auto run = InSession("run", std::make_unique<RunJob>());
  run->Define(&line);
  std::vector<std::string> names = line.Spellings();
  names.insert(names.end(), {"--help", "--version"});
  return names;
}

CommandSpec RunCommand() {
  return {.name = "run",
          .aliases = {},
          .usage =
              "SPEC.toml | PIPELINE.toml | JOB_NAME | MY_JOB.cc | PLUGIN.so | --map CMD [IN... "
              "OUT] [FLAGS]",
          .summary = "run a job or a pipeline and wait for its end",
          .examples =
              {"mr run wordcount /in /out", "mr run grep 'ERROR.*disk' '/logs/*.log' /found",
               "mr run my_job.cc /in /out --reduce 4 --memory 256MiB",
               "mr run --map 'python3 m.py' --reduce 'awk -f r.awk' --files m.py,r.awk /in /out",
               "mr run job.toml --set params.stopwords=the,of --overwrite",
               "mr run pagerank.toml /graph /ranks --keep --set damping=0.9",
               "mr run --local wordcount file:///etc/services file:///tmp/counts",
               "mr run --local --check --tasks m-0 my_job.cc file:///in file:///tmp/out",
               "mr run --local pagerank file:///data/edges file:///tmp/ranks"},
          .make = Maker<RunJob>("run")};
}

CommandSpec ExplainCommand() {
  return {.name = "explain",
          .aliases = {},
          .usage = "what mr run takes",
          .summary = "what a job or pipeline would do, and what would stop it; changes nothing",
          .examples = {"mr explain wordcount /in /out", "mr explain job.toml --json",
                       "mr explain --local my_job.cc file:///in file:///out --splits",
                       "mr explain pipeline.toml /in /out --set top.n=3"},
          .make = Maker<RunJob>("explain", true)};
}

}  // namespace quern::mr
