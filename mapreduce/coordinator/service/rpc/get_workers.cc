#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {
namespace {

void Describe(const WorkerRegistry::Worker& worker, absl::Duration rests,
              pb::GetWorkersResponse::Worker* out) {
  out->set_worker_id(worker.info.id);
  out->set_address(worker.info.address);
  out->set_http_address(worker.info.http_address);
  out->set_node(worker.info.node);
  out->set_rack(worker.info.rack);
  out->set_alive(worker.state == WorkerRegistry::State::kConnected);
  out->set_slots(worker.info.slots);
  out->set_unhealthy(worker.info.unhealthy);
  if (worker.info.unhealthy.empty() && rests > absl::ZeroDuration()) {
    out->set_unhealthy(
        fmt::format("rests for {}: attempts failed there, or its map outputs could not be fetched",
                    absl::FormatDuration(absl::Ceil(rests, absl::Seconds(1)))));
  }
}

}  // namespace

absl::StatusOr<pb::GetWorkersResponse> GetWorkers(Coordinator* coordinator,
                                                  const pb::GetWorkersRequest&) {
  const absl::Time now = coordinator->Now();
  return coordinator->Read([now](const TrackerState& state) {
    pb::GetWorkersResponse response;
    for (const auto& [key, worker] : state.registry.workers()) {
      if (worker.info.address.empty()) continue;  // known from the journal only
      pb::GetWorkersResponse::Worker* out = response.add_workers();
      Describe(worker, state.scheduler.rests_until(key) - now, out);
      out->set_running(state.scheduler.running_on(key));
    }
    return response;
  });
}

}  // namespace quern::mr
