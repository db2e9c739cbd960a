#include "mapreduce/coordinator/service/pipeline_table.h"

#include <algorithm>
#include <charconv>

#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

// Where day and number lie in pipeline-20261122-0001.
constexpr size_t kDayBegin = 9;
constexpr size_t kDayBytes = 8;
constexpr size_t kNumberBegin = 18;

}  // namespace

absl::Status NoSuchPipeline(std::string_view id) {
  return NotFoundError("{}: no such pipeline. Try: mr list", id);
}

std::string PipelineTable::NextId(absl::Time now) {
  const std::string today = absl::FormatTime("%Y%m%d", now, absl::UTCTimeZone());
  if (today > last_number_.first) last_number_ = {today, 0};
  return FormatPipelineId(last_number_.first, ++last_number_.second);
}

Pipeline* PipelineTable::Add(std::unique_ptr<Pipeline> pipeline) {
  const std::string& id = pipeline->id;
  if (IsPipelineId(id) && id.size() > kNumberBegin) {
    const std::string day = id.substr(kDayBegin, kDayBytes);
    uint32_t number = 0;
    std::from_chars(id.data() + kNumberBegin, id.data() + id.size(), number);
    last_number_ = std::max(last_number_, {day, number});
  }
  keys_[id] = pipeline->key;
  std::unique_ptr<Pipeline>& place = pipelines_[pipeline->key];
  place = std::move(pipeline);
  return place.get();
}

void PipelineTable::Remove(JobKey key) {
  const auto it = pipelines_.find(key);
  if (it == pipelines_.end()) return;
  keys_.erase(it->second->id);
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

std::vector<PipelineTable::Candidate> PipelineTable::FindOutputs(
    std::string_view fingerprint) const {
  std::vector<Candidate> found;
  if (fingerprint.empty()) return found;
  for (const auto& [key, pipeline] : pipelines_) {
    if (!pipeline->ended()) continue;
    for (const pb::StageOutput& output : pipeline->kept_outputs) {
      if (output.fingerprint() == fingerprint) found.push_back({pipeline->id, output});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.output.done(), a.output.rounds()) >
           std::pair(b.output.done(), b.output.rounds());
  });
  return found;
}

void PipelineTable::Unpin(std::string_view id) {
  if (const auto it = pins_.find(id); it != pins_.end()) pins_.erase(it);
}

std::vector<JobKey> PipelineTable::TooMany(size_t most) const {
  std::vector<JobKey> ended;
  for (const auto& [key, pipeline] : pipelines_) {
    if (pipeline->ended() && !IsPinned(pipeline->id)) ended.push_back(key);
  }
  ended.resize(ended.size() > most ? ended.size() - most : 0);
  return ended;
}

std::optional<std::string> OwnerOf(const pb::StageOutput& output) {
  const std::string begin = fmt::format("{}/", kPipelinesDir);
  if (!output.path().starts_with(begin)) return std::nullopt;
  const size_t end = output.path().find('/', begin.size());
  return output.path().substr(begin.size(), end - begin.size());
}

}  // namespace quern::mr
