#include "mapreduce/coordinator/service/pipeline_table.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

// Where day and number lie in pipeline-20261122-0001.
constexpr size_t kDayBegin = 9;
constexpr size_t kDayBytes = 8;
constexpr size_t kNumberBegin = 18;
// Whoever looks for one output of a stage asks the file system about each of them.
constexpr size_t kMaxCandidates = 8;

size_t CountPlaces(const pb::StageOutput& output) {
  return (output.path().empty() ? 0 : 1) +
         static_cast<size_t>(
             std::count_if(output.named().begin(), output.named().end(),
                           [](const auto& named) { return !named.path().empty(); }));
}

}  // namespace

absl::Status NoSuchPipeline(std::string_view id) {
  return NotFoundError("{}: no such pipeline. Try: mr list", id);
}

std::string PipelineTable::NextId(absl::Time now) {
  const std::string today = absl::FormatTime("%Y%m%d", now, absl::UTCTimeZone());
  if (today > last_number_.first) last_number_ = {today, 0};
  return FormatPipelineId(last_number_.first, ++last_number_.second);
}

void PipelineTable::NoteId(const std::string& id) {
  if (!IsPipelineId(id) || id.size() <= kNumberBegin) return;
  const std::string day = id.substr(kDayBegin, kDayBytes);
  uint32_t number = 0;
  std::from_chars(id.data() + kNumberBegin, id.data() + id.size(), number);
  last_number_ = std::max(last_number_, {day, number});
}

std::string PipelineTable::LastId() const {
  return last_number_.first.empty() ? ""
                                    : FormatPipelineId(last_number_.first, last_number_.second);
}

Pipeline* PipelineTable::Add(std::unique_ptr<Pipeline> pipeline) {
  const std::string& id = pipeline->id;
  NoteId(id);
  keys_[id] = pipeline->key;
  std::unique_ptr<Pipeline>& place = pipelines_[pipeline->key];
  place = std::move(pipeline);
  return place.get();
}

void PipelineTable::Remove(JobKey key) {
  const auto it = pipelines_.find(key);
  if (it == pipelines_.end()) return;
  keys_.erase(it->second->id);
  ends_.Remove(key);
  pipelines_.erase(it);
}

Pipeline* PipelineTable::Find(JobKey key) {
  const auto it = pipelines_.find(key);
  return it == pipelines_.end() ? nullptr : it->second.get();
}

Pipeline* PipelineTable::Find(std::string_view id) {
  return const_cast<Pipeline*>(std::as_const(*this).Find(id));
}

const Pipeline* PipelineTable::Find(std::string_view id) const {
  const auto it = keys_.find(id);
  return it == keys_.end() ? nullptr : pipelines_.at(it->second).get();
}

const Pipeline* PipelineTable::FindRequest(uint64_t client_id, uint64_t request_id) const {
  if (client_id == 0) return nullptr;
  for (const auto& [key, pipeline] : pipelines_) {
    if (pipeline->client_id == client_id && pipeline->request_id == request_id) {
      return pipeline.get();
    }
  }
  return nullptr;
}

std::vector<pb::StageOutput> PipelineTable::FindOutputs(std::string_view fingerprint,
                                                        const pb::PipelineStage& stage) const {
  std::vector<pb::StageOutput> found;
  if (fingerprint.empty()) return found;
  for (auto it = pipelines_.rbegin(); it != pipelines_.rend(); ++it) {
    if (!it->second->ended()) continue;
    for (const pb::StageOutput& output : it->second->kept_outputs) {
      const std::optional<std::string> owner = OwnerOf(output);
      if (output.fingerprint() != fingerprint || (owner && claims_.contains(*owner))) continue;
      // A later pipeline that was spared the stage knows only what of it was published.
      const auto same = std::find_if(found.begin(), found.end(), [&](const auto& other) {
        return other.job_id() == output.job_id();
      });
      if (same == found.end()) {
        found.push_back(output);
      } else if (CountPlaces(output) > CountPlaces(*same)) {
        *same = output;
      }
    }
  }
  // Before it is cut: those that have more rounds than the stage would take the place of others.
  std::erase_if(found, [&](pb::StageOutput& output) { return !TakeRounds(stage, &output); });
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::pair(a.done(), a.rounds()) > std::pair(b.done(), b.rounds());
  });
  if (found.size() > kMaxCandidates) found.resize(kMaxCandidates);
  return found;
}

bool PipelineTable::HasNewerOutput(const Pipeline& earlier) {
  ends_.AddFrom(pipelines_);
  const std::set<std::string> targets = PublishTargets(earlier.spec);
  return std::any_of(pipelines_.begin(), pipelines_.end(), [&](const auto& entry) {
    const Pipeline& other = *entry.second;
    return other.succeeded() &&
           (earlier.key < other.key || ends_.IsBefore(earlier.key, other.key)) &&
           Overlap(targets, PublishTargets(other.spec));
  });
}

std::vector<std::string> PipelineTable::GoesOnFrom(const Pipeline& pipeline) const {
  std::vector<std::string> ids;
  const Pipeline* later = &pipeline;
  while (true) {
    const Pipeline* earlier = Find(later->spec.resumes());
    // By their keys there is no circle, whatever a spec says.
    if (earlier == nullptr || !(earlier->key < later->key) || earlier->spec.keep()) return ids;
    if (earlier->kept) ids.push_back(earlier->id);
    later = earlier;
  }
}

void PipelineTable::Unpin(std::string_view id) {
  if (const auto it = pins_.find(id); it != pins_.end()) pins_.erase(it);
}

std::vector<JobKey> PipelineTable::TooMany(size_t most) {
  ends_.AddFrom(pipelines_);
  std::vector<JobKey> ended;
  for (const auto& [number, key] : ends_.keys()) {
    if (!IsPinned(pipelines_.at(key)->id)) ended.push_back(key);
  }
  ended.resize(ended.size() > most ? ended.size() - most : 0);
  return ended;
}

}  // namespace quern::mr
