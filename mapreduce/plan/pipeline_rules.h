// What a pipeline may say: the same for `mr`, which wants to know early, and the coordinator, which
// believes nobody. What its jobs may say beyond that is in job_spec_rules.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

inline constexpr int kMaxStages = 100;
inline constexpr uint32_t kMaxRounds = 10'000;
// Of what only lies between stages, where there are as many chunkservers.
inline constexpr uint32_t kCopiesBetweenStages = 2;
// It is one message.
inline constexpr size_t kMaxPipelineBytes = size_t{4} << 20;
// Outputs with a path of their own. They appear by one change of the master, which has 1000 moves
// at most: one for each of them, one for each that an earlier run has left and that goes or is
// carried over, and three for _MANIFEST.json, _SUCCESS and the mark of the publication.
inline constexpr size_t kMaxPublished = 400;

// "@extract.rejected": stage extract, output rejected. Nothing for a path.
struct StageReference {
  std::string stage;
  std::string output;  // empty: the main one
};
std::optional<StageReference> ParseStageReference(std::string_view path);

// "moved == 0": == != < <= > >= and a whole number.
struct RoundCondition {
  std::string counter;
  std::string comparison;
  int64_t value = 0;
  bool Holds(int64_t counted) const;
};
absl::StatusOr<RoundCondition> ParseRoundCondition(std::string_view text);

// What each stage has to wait for, by index.
struct PipelineGraph {
  struct Stage {
    std::vector<size_t> reads;  // stages whose output or counters it needs; sorted, without itself
    bool reads_itself = false;
    bool is_published = false;
  };
  std::vector<Stage> stages;
};

// InvalidArgument "stage NAME: what is wrong. Try: ..." for the first thing that cannot work: a
// reference to nothing, a circle, an output that nobody reads, paths that are one below another.
absl::StatusOr<PipelineGraph> CheckPipelineSpec(const pb::PipelineSpec& spec);

// The same of one that is about to be submitted: it is also refused when it has more than
// kMaxPublished outputs, which would be found out when all its work is done, or a stage with a
// reducer and no task for it. One that an earlier version has accepted is not looked at so: it may
// have room for them, and is in a journal that has to be read.
absl::StatusOr<PipelineGraph> CheckNewPipelineSpec(const pb::PipelineSpec& spec);

// Where an output is published at the end: absolute; empty: nowhere.
std::string PublishedPath(const pb::PipelineSpec& spec, std::string_view written);

// The directories that appear at the end, each once: of a stage's job, and of all.
std::set<std::string> PublishTargets(const pb::PipelineSpec& spec, const pb::JobSpec& job);
std::set<std::string> PublishTargets(const pb::PipelineSpec& spec);

// Whether a path of one lies at, above or below one of the other.
bool Overlap(const std::set<std::string>& a, const std::set<std::string>& b);

// FillDefaults of a stage's job, whose outputs keep their paths as they are written: "" lies
// between stages only, and "." of a named output is the directory of the main one.
void FillStageDefaults(pb::JobSpec* job);
inline bool IsBesideMain(const pb::JobSpec::NamedOutput& output) {
  return output.output().path() == ".";
}

// A stage's job with the inputs of its first round, in which `first` stands for the stage's own
// output. What of them does not begin with '@' is read at users' paths: by that this is all that a
// stage ever reads there.
pb::JobSpec FirstRoundJob(const pb::PipelineStage& stage);

// The job of a stage as far as it can be checked without its surroundings: paths of other stages
// are replaced by some path.
pb::JobSpec StageJobToCheck(const pb::PipelineStage& stage);

}  // namespace quern::mr
