// All pipelines that a coordinator remembers, and what of ended ones can be used again. No locks.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/strings.h"
#include "mapreduce/coordinator/logic/end_order.h"
#include "mapreduce/coordinator/service/pipeline.h"
#include "mapreduce/coordinator/service/stage_output.h"

namespace quern::mr {

absl::Status NoSuchPipeline(std::string_view id);

class PipelineTable {
 public:
  // The id of a new pipeline, given out once; the day in it never goes back.
  std::string NextId(absl::Time now);
  // Is not given out any more.
  void NoteId(const std::string& id);
  // The last one that was given out, or noted; empty when there is none.
  std::string LastId() const;
  Pipeline* Add(std::unique_ptr<Pipeline> pipeline);
  void Remove(JobKey key);

  Pipeline* Find(JobKey key);
  // Null when there is none.
  Pipeline* Find(std::string_view id);
  const Pipeline* Find(std::string_view id) const;
  const Pipeline* FindRequest(uint64_t client_id, uint64_t request_id) const;
  const std::map<JobKey, std::unique_ptr<Pipeline>>& all() const { return pipelines_; }

  // What ended pipelines have left with this fingerprint and the stage can use, as it is to that
  // stage (TakeRounds): the furthest first, the newer first; of the output of one job where most of
  // it lies, and of other jobs a few.
  std::vector<pb::StageOutput> FindOutputs(std::string_view fingerprint,
                                           const pb::PipelineStage& stage) const;

  // Whether a pipeline that was submitted or has ended after this one, which has ended, has
  // published something where this one was to publish.
  bool HasNewerOutput(const Pipeline& earlier);

  // The ids of those that it goes on from, one after another: the ones that keep something, as far
  // as nobody has asked for that.
  std::vector<std::string> GoesOnFrom(const Pipeline& pipeline) const;

  // Somebody uses what this pipeline has kept: it is not to be removed.
  void Pin(std::string_view id) { pins_.insert(std::string(id)); }
  void Unpin(std::string_view id);
  bool IsPinned(std::string_view id) const { return pins_.contains(id); }
  // Somebody is going to move some of what this pipeline has kept: nobody else may begin to use it.
  void Claim(std::string_view id) { claims_.insert(std::string(id)); }
  void Unclaim(std::string_view id) { claims_.erase(std::string(id)); }

  // Ended ones that are more than `most`, the first to end first, without those that are pinned.
  std::vector<JobKey> TooMany(size_t most);

 private:
  std::map<JobKey, std::unique_ptr<Pipeline>> pipelines_;
  StringMap<JobKey> keys_;
  EndOrder ends_;
  std::multiset<std::string, std::less<>> pins_;
  std::set<std::string, std::less<>> claims_;
  std::pair<std::string, uint32_t> last_number_;  // day, number of its last pipeline
};

}  // namespace quern::mr
