#include "chunkserver/service/janitor.h"

namespace quern::chunkserver {
namespace {

constexpr absl::Duration kInterval = absl::Minutes(10);
constexpr int kToldAtOnce = 1'000;

}  // namespace

Janitor::Janitor(const Services& services, absl::Duration quarantine)
    : services_(services),
      quarantine_(quarantine),
      thread_("janitor", kInterval, [this] { Sweep(); }) {}

int Janitor::Sweep() {
  const int64_t old_ms = absl::ToUnixMillis(services_.clock->TimeNow() - quarantine_);
  int told = 0;
  for (const std::shared_ptr<Replica>& replica : services_.store->List()) {
    if (told == kToldAtOnce) break;
    const Replica::Facts facts = replica->facts();
    if (facts.report.state != ReplicaState::kQuarantined || facts.since_ms > old_ms) continue;
    ReplicaReport report = facts.report;
    report.expired = true;
    services_.store->inventory().Remind(report);
    ++told;
  }
  return told;
}

}  // namespace quern::chunkserver
