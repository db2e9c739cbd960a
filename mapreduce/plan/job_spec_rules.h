// What a job spec may say: the same for `mr`, which wants to know early, and the coordinator, which
// believes nobody.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

inline constexpr uint64_t kDefaultMemoryBytes = uint64_t{1} << 30;
inline constexpr uint64_t kSmallestMemoryBytes = uint64_t{16} << 20;
// More than any machine has: an attempt of more would take what there is.
inline constexpr uint64_t kLargestMemoryBytes = uint64_t{16} << 40;
inline constexpr uint32_t kMaxReduceTasks = 100'000;
inline constexpr uint32_t kMaxGroupParts = 100;
// It travels with every attempt.
inline constexpr size_t kMaxSpecBytes = size_t{256} << 10;
// A task that writes to all of them holds a buffer for each.
inline constexpr size_t kMaxNamedOutputs = 20;
inline constexpr size_t kMaxOutputNameBytes = 50;
// Each is fetched by every machine.
inline constexpr size_t kMaxSideFiles = 100;
inline constexpr uint64_t kMaxSideFileBytes = uint64_t{1} << 30;

// What the coordinator answers (Unavailable) while it works on the same request: whoever asks goes
// on asking.
inline constexpr char kBeingAccepted[] = "the same request is being accepted now. Try: again";

// Fills in every field that was left empty, except reduce.tasks and the class names, and makes
// clean lines of the texts that are shown.
void FillDefaults(pb::JobSpec* spec);

// InvalidArgument "key: what is wrong. Try: ..." for the first thing that cannot work. Class names
// are checked against the plugin elsewhere (CheckClasses of plugin_check.h).
struct SpecCheckOptions {
  bool local = false;     // for a run on this machine: file:///... paths are allowed
  bool runs_here = true;  // in this installation: its formats have to be part of it
};
absl::Status CheckJobSpec(const pb::JobSpec& spec, SpecCheckOptions options = {});

// Where the answers of jobs in a cluster lie, each in a directory with a name by chance. In a plan
// that is only shown it is kShownAnswer.
inline constexpr char kAnswersDir[] = "/.quern/answers";
inline constexpr char kShownAnswer[] = "new";
// Of a job that a user submits: no output of it lies where the coordinator keeps its own and cleans
// up, but an answer does. Jobs of pipelines, which the coordinator submits, write there.
absl::Status CheckUsersOutputs(const pb::JobSpec& spec);

// Reduce tasks for a job whose user named no number: one for each 64 MiB of input, at most one per
// slot, so that a small job does not pay for a large one's parallelism.
uint32_t DefaultReduceTasks(uint64_t input_bytes, uint32_t cluster_slots);

}  // namespace quern::mr
