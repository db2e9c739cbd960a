#include "mapreduce/cli/pipeline_run.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/storage/file_io.h"
#include "mapreduce/cli/explain.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/local_settings.h"
#include "mapreduce/cli/missing_servers.h"
#include "mapreduce/cli/on_this_machine.h"
#include "mapreduce/cli/pipeline_format.h"
#include "mapreduce/cli/pipeline_spec.h"
#include "mapreduce/cli/plugin_upload.h"
#include "mapreduce/cli/run_local.h"
#include "mapreduce/cli/unused_settings.h"
#include "mapreduce/cli/watch.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "mapreduce/plan/plugin_check.h"
#include "mapreduce/plan/plugin_info.h"

namespace quern::mr {
namespace {

struct LoadedPipeline {
  PipelineFile file;
  std::vector<LoadedStage> stages;
};

std::string DirOf(const PipelineText& pipeline) {
  return std::filesystem::path(pipeline.path).parent_path().string();
}

absl::StatusOr<LoadedPipeline> Load(const PipelineText& pipeline) {
  LoadedPipeline loaded;
  ASSIGN_OR_RETURN(loaded.file, ParsePipeline(pipeline.text, pipeline.path));
  if (loaded.file.name.empty()) {
    loaded.file.name = std::filesystem::path(pipeline.path).stem().string();
  }
  for (const StageFile& stage : loaded.file.stages) {
    absl::StatusOr<JobSource> job = JobSource();
    if (!stage.job.empty()) job = LoadStageJob(stage.job, DirOf(pipeline));
    if (!job.ok()) return Annotate(job.status(), fmt::format("stage {}: job", stage.name));
    ASSIGN_OR_RETURN(LoadedStage added, LoadStage(stage, std::move(job->file)));
    added.plugin = job->plugin_path;
    loaded.stages.push_back(std::move(added));
  }
  return loaded;
}

// A stage that is never left out reads what the command names.
bool ReadsIn(const LoadedPipeline& loaded) {
  const std::pair<std::string, std::string> in("path", "@in");
  for (const LoadedStage& stage : loaded.stages) {
    if (!stage.stage.when.empty()) continue;
    if (stage.stage.repeat && stage.stage.repeat->first() == "@in") return true;
    for (const StageInput& input : stage.stage.inputs) {
      const Settings& settings = input.settings;
      if (std::find(settings.begin(), settings.end(), in) != settings.end()) return true;
    }
  }
  return false;
}

absl::Status ApplyFlags(const PipelineFlags& flags, LoadedPipeline* loaded) {
  PipelineFile& file = loaded->file;
  if (flags.words.size() == 1) {
    return UsageError(fmt::format("'{}' alone: give both IN and OUT", flags.words[0]));
  }
  if (!flags.words.empty()) {
    file.inputs.assign(flags.words.begin(), flags.words.end() - 1);
    file.output = flags.words.back();
    while (file.output.size() > 1 && file.output.ends_with('/')) file.output.pop_back();
  }
  if (!flags.name.empty()) file.name = flags.name;
  file.keep = file.keep || flags.keep;
  for (LoadedStage& stage : loaded->stages) {
    if (!flags.memory.empty()) stage.stage.settings.emplace_back("limits.memory", flags.memory);
    if (!flags.replication.empty() && !stage.stage.output.empty()) {
      stage.stage.settings.emplace_back("output.replication", flags.replication);
    }
  }
  for (const std::string& setting : flags.settings) {
    const absl::Status set = SetPipelineKey(setting, &file, &loaded->stages);
    if (!set.ok()) return UsageError(fmt::format("--set: {}", Message(set)));
  }
  if (const absl::Status used = CheckSettingsAreUsed(file, loaded->stages); !used.ok()) {
    return UsageError(fmt::format("--set: {}", Message(used)));
  }
  if (!file.inputs.empty() || !ReadsIn(*loaded)) return absl::OkStatus();
  return UsageError(file.usage.empty()
                        ? "IN is missing: neither the command nor the pipeline names it"
                        : fmt::format("usage: {} {}", flags.typed, file.usage));
}

// What can be known of a stage without asking anybody.
absl::StatusOr<PluginInfo> CheckStage(const std::string& plugin_path, bool local,
                                      pb::PipelineStage* stage) {
  pb::JobSpec* job = stage->mutable_job();
  ASSIGN_OR_RETURN(PluginInfo plugin, ReadPlugin(plugin_path));
  FillStageDefaults(job);
  RETURN_IF_ERROR(CheckJobSpec(StageJobToCheck(*stage), {.local = local, .runs_here = local}));
  RETURN_IF_ERROR(CheckLocalSideFiles(*job));
  RETURN_IF_ERROR(ResolveClasses(plugin, job));
  return plugin;
}

SaidPaths SaidBy(const PipelineFlags& flags) {
  return {.settings = flags.settings, .files = {}, .local = flags.local};
}

absl::Status CheckStagesNotOnlyHere(const Session& session, const pb::PipelineSpec& spec,
                                    const PipelineFlags& flags) {
  for (const pb::PipelineStage& stage : spec.stages()) {
    RETURN_IF_ERROR(Annotate(CheckNotOnlyHere(session, stage.job(), SaidBy(flags)),
                             fmt::format("stage {}", stage.name())));
  }
  return absl::OkStatus();
}

absl::Status Upload(Session* session, const LoadedPipeline& loaded,
                    const std::vector<PluginInfo>& plugins, pb::PipelineSpec* spec) {
  ASSIGN_OR_RETURN(const std::vector<std::string> masters, session->masters());
  for (size_t i = 0; i < plugins.size(); ++i) {
    pb::JobSpec* job = spec->mutable_stages(static_cast<int>(i))->mutable_job();
    ASSIGN_OR_RETURN(*job->mutable_plugin(),
                     UploadPlugin(masters, loaded.stages[i].plugin, plugins[i], session->clock));
    RETURN_IF_ERROR(UploadSideFiles(masters, job, session->clock));
    RETURN_IF_ERROR(
        CheckKindsOfFiles(loaded.stages[i].file, StartsOfSideFiles(masters, session->clock)));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Explain(Session* session, const LoadedPipeline& loaded,
                            const std::vector<PluginInfo>& plugins, const pb::PipelineSpec& spec,
                            const PipelineFlags& flags) {
  std::vector<StageToExplain> stages;
  for (size_t i = 0; i < plugins.size(); ++i) {
    stages.push_back({plugins[i], loaded.stages[i].file.parameters});
  }
  return ExplainPipeline(
      session, spec, stages,
      {.all_splits = flags.all_splits, .said = SaidBy(flags), .command = flags.typed});
}

}  // namespace

absl::StatusOr<StartedPipeline> StartPipeline(Session* session, const PipelineText& pipeline,
                                              const PipelineFlags& flags) {
  ASSIGN_OR_RETURN(LoadedPipeline loaded, Load(pipeline));
  RETURN_IF_ERROR(ApplyFlags(flags, &loaded));
  if (const absl::Status read = CheckPipelineForms(loaded.file); !read.ok()) {
    return UsageError(Message(read));
  }
  ASSIGN_OR_RETURN(pb::PipelineSpec spec, BuildPipeline(loaded.file, &loaded.stages));
  spec.set_user(flags.user);
  spec.set_command(flags.command);
  spec.set_overwrite(flags.overwrite);
  std::vector<PluginInfo> plugins;
  for (size_t i = 0; i < loaded.stages.size(); ++i) {
    pb::PipelineStage* stage = spec.mutable_stages(static_cast<int>(i));
    const std::string where = fmt::format("stage {}", stage->name());
    std::string& plugin = loaded.stages[i].plugin;
    if (plugin.empty()) {
      absl::StatusOr<std::string> found = FindPlugin(loaded.stages[i].file, DirOf(pipeline));
      if (!found.ok()) return Annotate(found.status(), where);
      plugin = *std::move(found);
    }
    SpecFile& file = loaded.stages[i].file;
    if (const absl::Status read = CheckParameterForms(file); !read.ok()) {
      return UsageError(fmt::format("{}: {}", where, Message(read)));
    }
    NameSideFiles(&file);
    *stage->mutable_job()->mutable_files() = file.spec.files();
    absl::StatusOr<PluginInfo> checked =
        flags.dry_run ? ReadPlugin(plugin) : CheckStage(plugin, flags.local, stage);
    if (!checked.ok()) return Annotate(checked.status(), where);
    plugins.push_back(*std::move(checked));
    if (flags.dry_run) continue;
    RETURN_IF_ERROR(
        Annotate(CheckKindsOfFiles(file, StartsOfSideFiles({}, session->clock)), where));
  }
  if (flags.dry_run) {
    ASSIGN_OR_RETURN(const int code, Explain(session, loaded, plugins, spec, flags));
    return StartedPipeline(code);
  }
  RETURN_IF_ERROR(CheckStagesNotOnlyHere(*session, spec, flags));
  if (flags.local) {
    RETURN_IF_ERROR(CheckHoldsHere({flags.settings, flags.replication, MostCopies(spec)}));
    WarnOfMissingServers(*session, "mr run", MostCopies(spec));
    for (size_t i = 0; i < loaded.stages.size(); ++i) {
      spec.mutable_stages(static_cast<int>(i))
          ->mutable_job()
          ->mutable_plugin()
          ->set_path(AbsolutePath(loaded.stages[i].plugin));
    }
    ASSIGN_OR_RETURN(
        const int code,
        RunPipelineLocally(session, spec, {.threads = flags.threads, .check = flags.check}));
    return StartedPipeline(code);
  }
  RETURN_IF_ERROR(CheckNewPipelineSpec(spec).status());
  RETURN_IF_ERROR(Upload(session, loaded, plugins, &spec));
  WarnOfMissingServers(*session, "mr run", MostCopies(spec));
  ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
  pb::SubmitPipelineRequest request;
  *request.mutable_spec() = std::move(spec);
  ASSIGN_OR_RETURN(pb::SubmitPipelineResponse response,
                   coordinator->SubmitPipeline(std::move(request)));
  return StartedPipeline(std::move(response));
}

absl::StatusOr<int> AfterSubmission(Session* session, const pb::SubmitPipelineResponse& response,
                                    bool detach, bool dry_run) {
  if (dry_run) {
    for (const pb::JobStatus::Stage& stage : response.stages()) {
      const std::string state = StateName(stage.state());
      if (session->json) {
        Out().Format("{}\n", JsonLine().Add("stage", stage.name()).Add("state", state).ToString());
      } else {
        Out().Format("{:<24} {}\n", stage.name(),
                     stage.state() == pb::JobStatus::Stage::STATE_WAITING ? "would run" : state);
      }
    }
    return kExitOk;
  }
  if (!detach) return WatchToTheEnd(session, response.pipeline_id());
  if (session->json) {
    Out().Format("{}\n", JsonLine().Add("pipeline", response.pipeline_id()).ToString());
  } else {
    Out().Format("{}\n", response.pipeline_id());
  }
  return kExitOk;
}

std::string PipelineHelp(const std::string& command, const std::string& target,
                         const PipelineText& pipeline) {
  const absl::StatusOr<LoadedPipeline> loaded = Load(pipeline);
  if (!loaded.ok()) return fmt::format("{}: {}\n", target, Message(loaded.status()));
  const PipelineFile& file = loaded->file;
  std::string text = fmt::format("usage: {} {} [FLAGS]\n\n", command,
                                 file.usage.empty() ? target + " [IN... OUT]" : file.usage);
  if (!file.help.empty()) text += file.help + "\n\n";
  text += "Stages; --set STAGE.KEY=VALUE changes one, --set PARAMETER=VALUE all that read it:\n";
  for (const LoadedStage& stage : loaded->stages) {
    std::vector<std::string> inputs;
    for (const StageInput& input : stage.stage.inputs) {
      for (const auto& [key, value] : input.settings) {
        if (key == "path") inputs.push_back(value);
      }
    }
    text += fmt::format("  {:<18} {:<18} reads {}{}{}\n", stage.stage.name, stage.stage.job,
                        fmt::join(inputs, ", "), stage.stage.output.empty() ? "" : " -> ",
                        stage.stage.output);
    if (!stage.stage.when.empty()) {
      const std::string& otherwise = stage.stage.otherwise;
      text +=
          fmt::format("  {:<18} only with --set {}=...{}\n", "", stage.stage.when,
                      otherwise.empty() ? "" : fmt::format("; otherwise {} is read", otherwise));
    }
    if (stage.file.parameters && !stage.file.parameters->empty()) {
      text += fmt::format("  {:<18} parameters: {}\n", "", fmt::join(*stage.file.parameters, ", "));
    }
  }
  if (!file.flags.empty()) text += "\n" + JobFlagHelp(file.flags);
  return text + fmt::format("\nAll flags of {0}: {0} --help\n", command);
}

}  // namespace quern::mr
