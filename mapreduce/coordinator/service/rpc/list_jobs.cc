#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/coordinator/service/waiting.h"

namespace quern::mr {
namespace {

constexpr uint32_t kUsualJobs = 100;
constexpr uint32_t kMostJobs = 10'000;

// As many as were asked for and as a message has room for.
class Listing {
 public:
  explicit Listing(uint32_t most) : most_(most) {}

  // False: it is full.
  bool Add(pb::JobStatus status) {
    bytes_ += status.ByteSizeLong();
    if (static_cast<uint32_t>(response_.jobs_size()) == most_ || bytes_ > kMaxListBytes) {
      return false;
    }
    *response_.add_jobs() = std::move(status);
    return true;
  }
  pb::ListJobsResponse Take() { return std::move(response_); }

 private:
  const uint32_t most_;
  pb::ListJobsResponse response_;
  size_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<pb::ListJobsResponse> ListJobs(Coordinator* coordinator,
                                              const pb::ListJobsRequest& request) {
  const uint32_t most = request.limit() == 0 ? kUsualJobs : std::min(request.limit(), kMostJobs);
  const bool only_ended = request.only_ended();
  std::vector<pb::JobStatus> pipelines =
      coordinator->pipelines().List({.most = most, .only_ended = only_ended});
  const absl::Time now = coordinator->Now();
  return coordinator->Read([most, only_ended, now, &pipelines](const TrackerState& state) {
    Listing listing(most);
    WaitDescriber waits(&state, now);
    auto pipeline = pipelines.begin();
    const auto add_pipelines_since = [&](int64_t submitted_ms) {
      for (; pipeline != pipelines.end() && pipeline->submitted_ms() >= submitted_ms; ++pipeline) {
        if (!listing.Add(std::move(*pipeline))) return false;
      }
      return true;
    };
    const auto& jobs = state.jobs.all();
    for (auto it = jobs.rbegin(); it != jobs.rend(); ++it) {
      if (only_ended && !it->second->ended()) continue;
      pb::JobStatus summary = MakeJobSummary(*it->second, state.Tasks(*it->second));
      summary.set_waits(waits.Describe(*it->second));
      if (!add_pipelines_since(summary.submitted_ms())) return listing.Take();
      if (!listing.Add(std::move(summary))) return listing.Take();
    }
    add_pipelines_since(std::numeric_limits<int64_t>::min());
    return listing.Take();
  });
}

}  // namespace quern::mr
