#include "mapreduce/task/sample_task.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/random.h"
#include "mapreduce/engine/group_partitioner.h"
#include "mapreduce/engine/report_limits.h"
#include "mapreduce/task/split_runner.h"
#include "mapreduce/task/user_context.h"
#include "mapreduce/task/user_object.h"

namespace quern::mr {

namespace {

// Keeps each key with the same probability: half of it, and half of what is there, whenever there
// are too many keys or bytes of them.
class KeySampler final : public EmitBuffer {
 public:
  KeySampler(size_t most, uint32_t group_parts)
      : most_(std::max<size_t>(most, 1)), group_parts_(group_parts) {}

  std::vector<std::string> TakeSorted() {
    std::sort(keys_.begin(), keys_.end());
    return std::move(keys_);
  }

 private:
  void AppendSlow(std::string_view key, std::string_view) override {
    // Bounds need not be longer than this to divide keys well.
    constexpr size_t kMaxKeyBytes = 1024;
    if (group_parts_ > 0) {
      const auto group = GroupPartOf(key, group_parts_);
      if (!group.ok()) throw EngineError(group.status());
      key = *group;
    }
    const std::string_view kept = key.substr(0, kMaxKeyBytes);
    if ((random_() & drop_mask_) != 0) return;
    keys_.emplace_back(kept);
    bytes_ += kept.size();
    while (keys_.size() > most_ || bytes_ > kMaxBytes) Halve();
  }

  void Halve() {
    drop_mask_ = drop_mask_ << 1 | 1;
    bytes_ = 0;
    std::erase_if(keys_, [this](const std::string& key) {
      const bool drop = (random_() & 1) != 0;
      if (!drop) bytes_ += key.size();
      return drop;
    });
  }

  // The keys travel in one message.
  static constexpr size_t kMaxBytes = 256 << 10;

  const size_t most_;
  const uint32_t group_parts_;
  std::vector<std::string> keys_;
  size_t bytes_ = 0;
  uint64_t drop_mask_ = 0;
  Random random_{1};  // the same sample of the same input every time
};

}  // namespace

absl::StatusOr<pb::AttemptResult> RunSampleTask(const pb::TaskSpec& spec,
                                                const TaskEnvironment& environment) {
  const pb::JobSpec::Input& input = spec.job().inputs(static_cast<int>(spec.split().input()));
  ASSIGN_OR_RETURN(const quern_class* const user,
                   environment.plugin->Find(ClassKind::kMapper, input.mapper()));
  const MemoryPlan plan = MemoryPlan::For(spec.job().limits().memory_bytes(), false);
  UserContext context(spec, environment.progress, &environment.files);
  NamedOutputs outputs(spec, environment);
  context.SetOutputs(&outputs);
  context.SetLentMemory(environment.lent_memory);
  KeySampler sampler(spec.sample_keys(), spec.job().reduce().group());
  ASSIGN_OR_RETURN(const auto mapper, UserObject::Create(*user, "", &context, &sampler));
  environment.progress->StartPhase({"read", 0, 1}, SplitBytes(spec.split()));
  SplitRunner records(spec, environment, plan, &context, spec.sample_bytes());
  RETURN_IF_ERROR(mapper->Start());
  RETURN_IF_ERROR(records.Run(mapper.get()));
  RETURN_IF_ERROR(mapper->Finish());
  pb::AttemptResult result;
  for (std::string& key : sampler.TakeSorted()) result.add_sample_keys(std::move(key));
  ThinSample(&result);
  return result;
}

}  // namespace quern::mr
