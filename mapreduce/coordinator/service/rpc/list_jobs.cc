#include <algorithm>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/coordinator/service/waiting.h"

namespace quern::mr {
namespace {

constexpr uint32_t kUsualJobs = 100;
constexpr uint32_t kMostJobs = 10'000;

}  // namespace

absl::StatusOr<pb::ListJobsResponse> ListJobs(Coordinator* coordinator,
                                              const pb::ListJobsRequest& request) {
  const uint32_t most = request.limit() == 0 ? kUsualJobs : std::min(request.limit(), kMostJobs);
  const bool only_ended = request.only_ended();
  std::vector<pb::JobStatus> pipelines =
      coordinator->pipelines().List({.most = most, .only_ended = only_ended});
  const absl::Time now = coordinator->Now();
  return coordinator->Read([most, only_ended, now, &pipelines](const TrackerState& state) {
    pb::ListJobsResponse response;
    size_t bytes = 0;
    for (pb::JobStatus& pipeline : pipelines) {
      bytes += pipeline.ByteSizeLong();
      if (bytes > kMaxListBytes / 2) break;
      *response.add_jobs() = std::move(pipeline);
    }
    WaitDescriber waits(&state, now);
    const auto& jobs = state.jobs.all();
    for (auto it = jobs.rbegin(); it != jobs.rend(); ++it) {
      if (only_ended && !it->second->ended()) continue;
      pb::JobStatus summary = MakeJobSummary(*it->second, state.Tasks(*it->second));
      summary.set_waits(waits.Describe(*it->second));
      bytes += summary.ByteSizeLong();
      if (static_cast<uint32_t>(response.jobs_size()) == most || bytes > kMaxListBytes) break;
      *response.add_jobs() = std::move(summary);
    }
    return response;
  });
}

}  // namespace quern::mr
