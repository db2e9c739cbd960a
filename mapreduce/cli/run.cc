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
#include "mapreduce/cli/run_flags.h"
#include "mapreduce/cli/run_local.h"
#include "mapreduce/cli/watch.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/plugin_check.h"
#include "mapreduce/plan/plugin_info.h"
#include "mapreduce/plan/task_choice.h"

namespace quern::mr {
namespace {

class RunJob final : public JobCommand {
 public:
  RunJob() = default;
  explicit RunJob(bool explain) : explains_(explain) { flags_.dry_run = explain; }

  void Define(CommandLine* line) override { flags_.Define(explains_, line); }

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
    if (flags_.maps.size() > 1) return UsageError("--map: a job has one. Try: a pipeline");
    if (flags_.all_splits && !flags_.dry_run)
      return UsageError("--splits: is for mr explain and --dry-run");
    ASSIGN_OR_RETURN(const std::vector<std::string> of_the_job, job_flags_.Settings());
    all_settings_ = flags_.settings;
    all_settings_.insert(all_settings_.end(), of_the_job.begin(), of_the_job.end());
    const auto pipeline = flags_.maps.empty() ? FindPipeline(flags_.words[0]) : std::nullopt;
    RETURN_IF_ERROR(Addition::CheckFlags({.append = flags_.append,
                                          .merge = flags_.merge,
                                          .detach = flags_.detach,
                                          .overwrite = flags_.overwrite,
                                          .some_tasks = !flags_.tasks.empty()}));
    if (pipeline && flags_.append) return UsageError("--append: is for jobs, and no pipelines");
    if (pipeline) return RunStages(session, *pipeline);
    if (flags_.keep) return UsageError("--keep: is for pipelines");
    if (flags_.local && flags_.detach)
      return UsageError("--local: is one process, and leaves nothing for --detach");
    if (flags_.threads && !flags_.local) return UsageError("--threads: is for --local");
    RETURN_IF_ERROR(CheckLocalFlags());
    absl::StatusOr<JobSource> source = Load();
    if (!source.ok()) return Rejected(*session, source.status());
    const absl::Status applied = Apply(&source->file);
    if (!applied.ok()) return Rejected(*session, applied);
    if (const absl::Status known = CheckParameters(source->file); !known.ok()) {
      return UsageError(Message(known));
    }
    if (flags_.dry_run) {
      const absl::StatusOr<PluginInfo> known = ReadPlugin(source->plugin_path);
      if (!known.ok()) return Rejected(*session, known.status());
      TakeOnlyCombiner(*source, *known, &source->file.spec);
      RETURN_IF_ERROR(CheckHolds(source->file.spec));
      return ExplainJob(session, source->file, *known,
                        {.local = flags_.local,
                         .threads = flags_.threads,
                         .all_splits = flags_.all_splits,
                         .said = Said(),
                         .command = Name()});
    }
    if (answers_) return RunAnswer(session, &*source);
    if (flags_.append) {
      const absl::Status there = addition_.CheckThere(*session);
      if (!there.ok()) return Rejected(*session, there);
    }
    ASSIGN_OR_RETURN(const int code, RunChecked(session, &*source));
    return code == kExitOk && flags_.append ? addition_.Finish(*session) : code;
  }

 private:
  // What the user has typed.
  std::string Name() const { return explains_ ? "mr explain" : "mr run"; }

  absl::StatusOr<JobSource> Load() const {
    if (flags_.maps.empty()) return LoadJob(flags_.words[0]);
    absl::StatusOr<JobSource> source = CommandJob(flags_.maps[0]);
    if (!source.ok()) return UsageError(fmt::format("--{}", Message(source.status())));
    return source;
  }

  absl::StatusOr<int> RunChecked(Session* session, JobSource* source) {
    const absl::StatusOr<PluginInfo> plugin = Check(source);
    if (!plugin.ok()) return Rejected(*session, plugin.status());
    const absl::Status kinds =
        CheckKindsOfFiles(source->file, StartsOfSideFiles({}, session->clock));
    if (!kinds.ok()) return Rejected(*session, kinds);
    const absl::Status there = CheckNotOnlyHere(*session, source->file.spec, Said());
    if (!there.ok()) return Rejected(*session, there);
    RETURN_IF_ERROR(CheckHolds(source->file.spec));
    if (!flags_.local) return Submit(session, source, *plugin);
    WarnOfMissingServers(*session, "mr run", MostCopies(source->file.spec));
    if (answers_ || flags_.append) {
      return RunLocallyAndWait(session, source->file.spec, source->plugin_path, LocalFlags());
    }
    return RunLocally(session, source->file.spec, source->plugin_path, LocalFlags());
  }

  // What is for runs in this process only.
  absl::Status CheckLocalFlags() const {
    if (flags_.check && !flags_.local) {
      return UsageError("--check: looks at code that runs here. Try: mr run --local --check ...");
    }
    if (flags_.tasks.empty()) return absl::OkStatus();
    if (!flags_.local) {
      return UsageError("--tasks: in a cluster all tasks run. Try: mr run --local --tasks " +
                        ShellQuotedLine(flags_.tasks) + " ..., or mr debug JOB TASK");
    }
    if (flags_.dry_run)
      return UsageError("--tasks: are for a run. Try: --splits, which lists them");
    if (flags_.overwrite) {
      return UsageError(
          "--overwrite: a few tasks never replace an output. Try: an OUT that is not there");
    }
    const absl::Status known = ParseTaskChoice(flags_.tasks).status();
    return known.ok() ? known : UsageError(fmt::format("--tasks: {}", Message(known)));
  }
  absl::Status CheckHolds(const pb::JobSpec& spec) const {
    if (!flags_.local) return absl::OkStatus();
    return CheckHoldsHere({all_settings_, flags_.replication, MostCopies(spec)});
  }
  SaidPaths Said() const {
    return {.settings = all_settings_, .files = flags_.files, .local = flags_.local};
  }
  LocalRunOptions LocalFlags() const {
    return {.threads = flags_.threads,
            .tasks = flags_.tasks,
            .tells = flags_.append,
            .check = flags_.check};
  }

  // The job, and then what it has written.
  absl::StatusOr<int> RunAnswer(Session* session, JobSource* source) {
    const std::string& job = source->file.spec.name();
    if (!flags_.tasks.empty()) {
      return UsageError(fmt::format("--tasks: {} answers when all of it has run", job));
    }
    if (flags_.detach || session->json) {
      return UsageError(fmt::format("{}: {} answers on the terminal. Try: an OUT at the end",
                                    flags_.detach ? "--detach" : "--json", job));
    }
    Answer answer;
    RETURN_IF_ERROR(answer.Prepare(*session, flags_.local));
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
    if (flags_.local && (flags_.keep || flags_.detach)) {
      return UsageError("--local: is one process, and leaves nothing for --keep and --detach");
    }
    if (!flags_.tasks.empty()) {
      return UsageError(
          "--tasks: a pipeline has tasks of several jobs. Try: mr run --local JOB --tasks " +
          ShellQuotedLine(flags_.tasks) + " IN OUT, of one of them");
    }
    RETURN_IF_ERROR(CheckLocalFlags());
    if (flags_.local && flags_.dry_run)
      return UsageError("--local: a pipeline is explained only as it runs in a cluster");
    const std::string of_one_job = flags_.format + flags_.mapper + flags_.reducer +
                                   flags_.combiner + flags_.partitioner + flags_.combine_command +
                                   flags_.io;
    if (flags_.map_only || !flags_.files.empty() || !flags_.reduces.empty() ||
        (flags_.threads && !flags_.local) || !of_one_job.empty()) {
      return UsageError(
          "a pipeline has several jobs: say of which stage, as in --set STAGE.reduce.tasks=4");
    }
    const absl::StatusOr<StartedPipeline> started =
        StartPipeline(session, pipeline,
                      {.settings = all_settings_,
                       .words = {flags_.words.begin() + 1, flags_.words.end()},
                       .name = flags_.name,
                       .memory = flags_.memory,
                       .replication = flags_.replication,
                       .user = UserName(),
                       .command = flags_.CommandText(job_flags_.Text()),
                       .typed = Name(),
                       .overwrite = flags_.overwrite,
                       .keep = flags_.keep,
                       .detach = flags_.detach,
                       .dry_run = flags_.dry_run,
                       .all_splits = flags_.all_splits,
                       .local = flags_.local,
                       .check = flags_.check,
                       .threads = flags_.threads});
    if (!started.ok()) return Rejected(*session, started.status());
    if (const int* code = std::get_if<int>(&*started)) return *code;
    // It runs, whatever becomes of this command: nothing is a rejection any more.
    return AfterSubmission(session, std::get<pb::SubmitPipelineResponse>(*started), flags_.detach,
                           /*dry_run=*/false);
  }

  // Flags and arguments over what the spec says.
  absl::Status Apply(SpecFile* file) {
    for (const std::string& setting : all_settings_) RETURN_IF_ERROR(Set("--set", setting, file));
    const auto reduces = flags_.map_only ? std::vector<std::string>{"0"} : flags_.reduces;
    for (const std::string& reduce : reduces) RETURN_IF_ERROR(SetReduce(reduce, file));
    const std::pair<std::string, std::string> flags[] = {
        {"combine", flags_.combine_command},        {"params.command.io", flags_.io},
        {"limits.memory", flags_.memory},           {"output.replication", flags_.replication},
        {"reduce.class", flags_.reducer},           {"reduce.combiner", flags_.combiner},
        {"reduce.partitioner", flags_.partitioner}, {"name", flags_.name}};
    for (const auto& [key, value] : flags) {
      if (!value.empty()) RETURN_IF_ERROR(Set("", fmt::format("{}={}", key, value), file));
    }
    if (flags_.overwrite) file->spec.mutable_output()->set_overwrite(true);
    RETURN_IF_ERROR(ApplyArguments(file));
    if (flags_.append) RETURN_IF_ERROR(addition_.Prepare(flags_.merge, file));
    if (!flags_.format.empty())
      RETURN_IF_ERROR(Set("--format", "input.format=" + flags_.format, file));
    if (!flags_.mapper.empty())
      RETURN_IF_ERROR(Set("--mapper", "input.mapper=" + flags_.mapper, file));
    // A map-only job has neither, whatever the ready-made spec says.
    if (file->spec.reduce().has_tasks() && file->spec.reduce().tasks() == 0) {
      file->spec.mutable_reduce()->clear_combiner();
      file->spec.mutable_reduce()->clear_reducer();
    }
    for (const std::string& list : flags_.files) {
      for (const std::string& path : SplitList(list)) AddSideFile(path, "", file);
    }
    NameSideFiles(file);
    if (RunsCommands(*file)) RETURN_IF_ERROR(CompleteCommands(file));
    file->spec.set_user(UserName());
    file->spec.set_command(flags_.CommandText(job_flags_.Text()));
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
    std::vector<std::string> rest(flags_.words.begin() + (flags_.maps.empty() ? 1 : 0),
                                  flags_.words.end());
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
    RETURN_IF_ERROR(CheckJobSpec(*spec, {.local = flags_.local, .runs_here = flags_.local}));
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
    const absl::Status kinds =
        CheckKindsOfFiles(source->file, StartsOfSideFiles(masters, session->clock));
    if (!kinds.ok()) return Rejected(*session, kinds);
    WarnOfMissingServers(*session, "mr run", MostCopies(request.spec()));
    const auto response = coordinator->Submit(std::move(request));
    if (!response.ok()) return Rejected(*session, response.status());
    if (flags_.detach) {
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
    return flags_.local ? "file:///tmp/quern-answer"
                        : fmt::format("{}/{}", kAnswersDir, kShownAnswer);
  }
  static std::string UserName() {
    const char* user = std::getenv("USER");
    if (user != nullptr && *user != '\0') return user;
    return getuid() == 0 ? "root" : fmt::format("uid{}", getuid());
  }
  const bool explains_ = false;
  RunFlags flags_;
  JobFlags job_flags_;
  std::vector<std::string> all_settings_;  // what --set says, and behind it the job's own flags
  Addition addition_;
  bool answers_ = false;  // what the job writes is printed
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
