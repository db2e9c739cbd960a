#include "mapreduce/plan/pipeline_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "client/path.h"
#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/pipeline_params.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

constexpr size_t kMaxStageNameBytes = 60;

// Without a dot: that begins the names of the pipeline's own directories (pipeline_paths.h).
bool IsStageName(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !name.empty() && name.size() <= kMaxStageNameBytes &&
         std::all_of(name.begin(), name.end(), is_plain);
}

bool IsBelow(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

// Whether what is published below another output leaves alone what every output has (manifest.h).
bool MayLieBesideParts(std::string_view relative) {
  const std::string_view name = relative.substr(0, relative.find('/'));
  return name != kSuccessName && name != kManifestName && name != kSkippedName &&
         !name.starts_with("part-");
}

// Of a job alone whoever asks for no reduce tasks sees what the mapper emits. The next stage
// would take it for what the reducer makes of it.
absl::Status CheckReducerRuns(const pb::JobSpec::Reduce& reduce) {
  if (!reduce.has_tasks() || reduce.tasks() > 0 || reduce.reducer().empty()) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(
      "reduce.tasks: 0 leaves out the reducer {}, which the stage names. Try: 1 or more",
      CleanLine(reduce.reducer(), kMaxStageNameBytes));
}

absl::Status CheckPublishedCount(const pb::PipelineSpec& spec) {
  size_t count = 0;
  for (const pb::PipelineStage& stage : spec.stages()) {
    if (!stage.job().output().path().empty()) ++count;
    for (const pb::JobSpec::NamedOutput& output : stage.job().outputs()) {
      if (!output.output().path().empty() && !IsBesideMain(output)) ++count;
    }
  }
  if (count <= kMaxPublished) return absl::OkStatus();
  return InvalidArgumentError(
      "output: the stages publish {} with paths of their own, the limit is {}, since all appear at "
      "once. Try: path = \".\" of named outputs, which puts them into the directory of their "
      "stage's main one, or two pipelines",
      count, kMaxPublished);
}

class Checker {
 public:
  explicit Checker(const pb::PipelineSpec& spec) : spec_(spec) {}

  absl::StatusOr<PipelineGraph> Check() {
    RETURN_IF_ERROR(CheckNames());
    graph_.stages.resize(static_cast<size_t>(spec_.stages_size()));
    for (size_t i = 0; i < graph_.stages.size(); ++i) {
      const pb::PipelineStage& stage = spec_.stages(static_cast<int>(i));
      RETURN_IF_ERROR(Annotate(CheckStage(stage, i), fmt::format("stage {}", stage.name())));
    }
    RETURN_IF_ERROR(CheckOrder());
    RETURN_IF_ERROR(CheckPublished());
    return std::move(graph_);
  }

 private:
  absl::Status CheckNames() {
    if (spec_.stages().empty()) return InvalidArgumentError("stage: a pipeline needs at least one");
    if (spec_.stages_size() > kMaxStages) {
      return InvalidArgumentError("stage: {} of them, the limit is {}", spec_.stages_size(),
                                  kMaxStages);
    }
    if (const size_t bytes = spec_.ByteSizeLong(); bytes > kMaxPipelineBytes) {
      return InvalidArgumentError("the description of the pipeline has {} bytes, the limit is {}",
                                  bytes, kMaxPipelineBytes);
    }
    for (const pb::PipelineStage& stage : spec_.stages()) {
      if (!IsStageName(stage.name())) {
        return InvalidArgumentError(
            "stage '{}': a name has 1 to {} letters, digits, - and _, and is not missing",
            CleanLine(stage.name(), 2 * kMaxStageNameBytes), kMaxStageNameBytes);
      }
      if (!index_.emplace(stage.name(), index_.size()).second) {
        return InvalidArgumentError("stage {}: two have this name", stage.name());
      }
      names_.insert(stage.name());
    }
    return absl::OkStatus();
  }

  absl::Status CheckStage(const pb::PipelineStage& stage, size_t i) {
    if (stage.job().inputs().empty()) return InvalidArgumentError("input: is missing");
    for (const pb::JobSpec::Input& input : stage.job().inputs()) {
      if (input.path().starts_with("@")) RETURN_IF_ERROR(AddInput(input.path(), stage, i));
    }
    for (const auto& [name, value] : stage.job().params()) {
      RETURN_IF_ERROR(Annotate(AddCounters(value, stage, i),
                               fmt::format("params.{}", CleanLine(name, kMaxStageNameBytes))));
    }
    if (stage.has_repeat()) RETURN_IF_ERROR(Annotate(CheckRepeat(stage, i), "repeat"));
    std::vector<size_t>& reads = graph_.stages[i].reads;
    std::sort(reads.begin(), reads.end());
    reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
    return absl::OkStatus();
  }

  absl::Status AddInput(std::string_view path, const pb::PipelineStage& stage, size_t i) {
    ASSIGN_OR_RETURN(const size_t read, FindOutput(path));
    if (read != i) {
      graph_.stages[i].reads.push_back(read);
    } else if (!stage.has_repeat()) {
      return InvalidArgumentError(
          "input {}: is its own output. Try: repeat = {{ until = ..., max = ... }}", path);
    } else {
      graph_.stages[i].reads_itself = true;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> FindOutput(std::string_view path) {
    const std::optional<StageReference> reference = ParseStageReference(path);
    const auto found = reference ? index_.find(reference->stage) : index_.end();
    if (found == index_.end()) {
      const std::vector<std::string> names(names_.begin(), names_.end());
      const std::string near = DidYouMean(reference ? reference->stage : "", names);
      return InvalidArgumentError("{}: there is no such stage{}", CleanLine(path, 100),
                                  near.empty() ? "" : fmt::format(". Did you mean @{}?", near));
    }
    if (reference->output.empty()) return found->second;
    const pb::PipelineStage& stage = spec_.stages(static_cast<int>(found->second));
    for (const pb::JobSpec::NamedOutput& output : stage.job().outputs()) {
      if (output.name() != reference->output) continue;
      if (!IsBesideMain(output)) return found->second;
      return InvalidArgumentError("{}: lies in the directory of the main output. Try: @{}",
                                  CleanLine(path, 100), stage.name());
    }
    return InvalidArgumentError("{}: stage {} has no output of this name", CleanLine(path, 100),
                                stage.name());
  }

  absl::Status AddCounters(std::string_view value, const pb::PipelineStage& stage, size_t i) {
    ASSIGN_OR_RETURN(const std::vector<ParamReference> found, FindReferences(value, names_));
    for (const ParamReference& reference : found) {
      const bool own =
          reference.is_round || reference.stage.empty() || reference.stage == stage.name();
      if (!own) {
        graph_.stages[i].reads.push_back(index_.at(reference.stage));
      } else if (!stage.has_repeat()) {
        return InvalidArgumentError("'{}': the stage does not repeat. Try: repeat = {{ ... }}",
                                    CleanLine(value, 100));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckRepeat(const pb::PipelineStage& stage, size_t i) {
    const pb::PipelineStage::Repeat& repeat = stage.repeat();
    if (repeat.max() == 0 || repeat.max() > kMaxRounds) {
      return InvalidArgumentError("max: must be 1 to {}", kMaxRounds);
    }
    if (!repeat.until().empty()) RETURN_IF_ERROR(ParseRoundCondition(repeat.until()).status());
    if (repeat.first().empty()) return absl::OkStatus();
    if (!graph_.stages[i].reads_itself) {
      return InvalidArgumentError("first: stands for its own output, which it does not read");
    }
    if (!repeat.first().starts_with("@")) return absl::OkStatus();
    ASSIGN_OR_RETURN(const size_t read, FindOutput(repeat.first()));
    if (read == i) return InvalidArgumentError("first: there is no output before the first round");
    graph_.stages[i].reads.push_back(read);
    return absl::OkStatus();
  }

  // Stages are taken away whose inputs have been; what is left goes in circles.
  absl::Status CheckOrder() {
    std::vector<bool> done(graph_.stages.size());
    for (bool more = true; more;) {
      more = false;
      for (size_t i = 0; i < done.size(); ++i) {
        const std::vector<size_t>& reads = graph_.stages[i].reads;
        if (done[i] ||
            !std::all_of(reads.begin(), reads.end(), [&](size_t r) { return done[r]; })) {
          continue;
        }
        done[i] = more = true;
      }
    }
    const auto left = std::find(done.begin(), done.end(), false);
    if (left == done.end()) return absl::OkStatus();
    return InvalidArgumentError("stage {}: reads what depends on its own output",
                                spec_.stages(static_cast<int>(left - done.begin())).name());
  }

  struct Published {
    std::string path;
    std::string written;  // as the spec has it
    auto operator<=>(const Published&) const = default;
  };

  absl::Status CheckPublished() {
    std::set<size_t> read;
    for (const PipelineGraph::Stage& stage : graph_.stages) {
      read.insert(stage.reads.begin(), stage.reads.end());
    }
    std::vector<Published> paths;
    for (size_t i = 0; i < graph_.stages.size(); ++i) {
      const pb::PipelineStage& stage = spec_.stages(static_cast<int>(i));
      RETURN_IF_ERROR(Annotate(AddPublished(stage.job(), &graph_.stages[i].is_published, &paths),
                               fmt::format("stage {}: output", stage.name())));
      if (!graph_.stages[i].is_published && !read.contains(i)) {
        return InvalidArgumentError(
            "stage {}: nobody reads its output. Try: output = \"/PATH\" to have it published",
            stage.name());
      }
    }
    std::sort(paths.begin(), paths.end());
    for (size_t i = 1; i < paths.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const bool is_below = IsBelow(paths[i].path, paths[j].path);
        if (paths[i].path != paths[j].path && !is_below) continue;
        // What lies in OUT itself may have the others beside its files.
        if (is_below && paths[j].written == "." && !paths[i].written.starts_with('/')) {
          if (!MayLieBesideParts(paths[i].written)) {
            return InvalidArgumentError("output {}: has the name of a file of the output {}",
                                        CleanLine(paths[i].path, 200), paths[j].path);
          }
          continue;
        }
        return InvalidArgumentError("output {}: is at or below the output {}", paths[i].path,
                                    paths[j].path);
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddPublished(const pb::JobSpec& job, bool* is_published,
                            std::vector<Published>* paths) {
    std::vector<std::string> written = {job.output().path()};
    for (const pb::JobSpec::NamedOutput& output : job.outputs()) {
      if (!IsBesideMain(output)) written.push_back(output.output().path());
    }
    for (const std::string& path : written) {
      if (path.empty()) continue;
      if (!path.starts_with('/') && spec_.output_path().empty()) {
        return InvalidArgumentError(
            "{}: lies below OUT. Try: mr run PIPELINE IN OUT, or a path "
            "that begins with /",
            CleanLine(path, 100));
      }
      const std::string published = PublishedPath(spec_, path);
      const bool steps_up = ("/" + path + "/").find("/../") != std::string::npos;
      if (client::IsReserved(published)) {
        return InvalidArgumentError(
            "{}: {} is what the coordinator works with, and cleans. Try: a path like /out",
            CleanLine(published, 200), client::kReservedDir);
      }
      if (!published.starts_with('/') || published == "/" || steps_up) {
        return InvalidArgumentError("{}: cannot be published there", CleanLine(path, 100));
      }
      *is_published = true;
      paths->push_back({published, path});
    }
    return absl::OkStatus();
  }

  const pb::PipelineSpec& spec_;
  std::map<std::string, size_t, std::less<>> index_;
  StringSet names_;
  PipelineGraph graph_;
};

}  // namespace

std::optional<StageReference> ParseStageReference(std::string_view path) {
  if (!path.starts_with('@')) return std::nullopt;
  path.remove_prefix(1);
  const size_t dot = path.find('.');
  if (dot == std::string_view::npos) return StageReference{std::string(path), ""};
  return StageReference{std::string(path.substr(0, dot)), std::string(path.substr(dot + 1))};
}

bool RoundCondition::Holds(int64_t counted) const {
  if (comparison == "==") return counted == value;
  if (comparison == "!=") return counted != value;
  if (comparison == "<") return counted < value;
  if (comparison == "<=") return counted <= value;
  if (comparison == ">") return counted > value;
  return counted >= value;
}

absl::StatusOr<RoundCondition> ParseRoundCondition(std::string_view text) {
  std::vector<std::string> words = SplitList(text, ' ');
  std::erase(words, "");
  const std::set<std::string> comparisons = {"==", "!=", "<", "<=", ">", ">="};
  // "counter changed == 0" is the same as "changed == 0".
  if (words.size() == 4 && words[0] == "counter") words.erase(words.begin());
  if (words.size() != 3 || !comparisons.contains(words[1])) {
    return InvalidArgumentError(
        "until: '{}' is not COUNTER COMPARISON NUMBER, such as \"moved == 0\"",
        CleanLine(text, 100));
  }
  const absl::StatusOr<int64_t> value = quern::ParseNumber(words[2], {INT64_MIN, INT64_MAX});
  if (!value.ok()) return Annotate(value.status(), "until");
  return RoundCondition{words[0], words[1], *value};
}

absl::StatusOr<PipelineGraph> CheckPipelineSpec(const pb::PipelineSpec& spec) {
  return Checker(spec).Check();
}

absl::StatusOr<PipelineGraph> CheckNewPipelineSpec(const pb::PipelineSpec& spec) {
  ASSIGN_OR_RETURN(PipelineGraph graph, CheckPipelineSpec(spec));
  RETURN_IF_ERROR(CheckPublishedCount(spec));
  for (const pb::PipelineStage& stage : spec.stages()) {
    RETURN_IF_ERROR(
        Annotate(CheckReducerRuns(stage.job().reduce()), fmt::format("stage {}", stage.name())));
  }
  return graph;
}

std::string PublishedPath(const pb::PipelineSpec& spec, std::string_view written) {
  if (written.empty() || IsAbsolutePath(written)) return std::string(written);
  return written == "." ? spec.output_path() : fmt::format("{}/{}", spec.output_path(), written);
}

std::set<std::string> PublishTargets(const pb::PipelineSpec& spec, const pb::JobSpec& job) {
  std::set<std::string> targets;
  const auto add = [&](const std::string& written) {
    if (!written.empty()) targets.insert(IsAbsolutePath(written) ? written : spec.output_path());
  };
  add(job.output().path());
  for (const pb::JobSpec::NamedOutput& output : job.outputs()) {
    if (!IsBesideMain(output)) add(output.output().path());
  }
  return targets;
}

std::set<std::string> PublishTargets(const pb::PipelineSpec& spec) {
  std::set<std::string> targets;
  for (const pb::PipelineStage& stage : spec.stages())
    targets.merge(PublishTargets(spec, stage.job()));
  return targets;
}

bool Overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  for (const std::string& one : a) {
    for (const std::string& other : b) {
      if (one == other || IsBelow(one, other) || IsBelow(other, one)) return true;
    }
  }
  return false;
}

pb::JobSpec FirstRoundJob(const pb::PipelineStage& stage) {
  pb::JobSpec job = stage.job();
  if (stage.repeat().first().empty()) return job;
  for (pb::JobSpec::Input& input : *job.mutable_inputs()) {
    const std::optional<StageReference> reference = ParseStageReference(input.path());
    if (reference && reference->stage == stage.name()) input.set_path(stage.repeat().first());
  }
  return job;
}

pb::JobSpec StageJobToCheck(const pb::PipelineStage& stage) {
  pb::JobSpec job = FirstRoundJob(stage);
  const std::string some_path = RoundPath("pipeline", stage.name(), 1);
  for (pb::JobSpec::Input& input : *job.mutable_inputs()) {
    if (input.path().starts_with('@')) input.set_path(RoundPath("pipeline", "another", 1));
  }
  job.mutable_output()->set_path(some_path);
  for (pb::JobSpec::NamedOutput& output : *job.mutable_outputs()) {
    output.mutable_output()->set_path(
        StageOutputPath(some_path, IsBesideMain(output) ? "" : output.name()));
  }
  return job;
}

void FillStageDefaults(pb::JobSpec* job) {
  pb::JobSpec filled = *job;
  filled.mutable_output()->set_path("/some/path");
  FillDefaults(&filled);
  filled.mutable_output()->set_path(job->output().path());
  for (int i = 0; i < job->outputs_size(); ++i) {
    filled.mutable_outputs(i)->mutable_output()->set_path(job->outputs(i).output().path());
  }
  *job = std::move(filled);
}

}  // namespace quern::mr
