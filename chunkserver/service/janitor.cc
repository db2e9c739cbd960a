#include "chunkserver/service/janitor.h"

#include "common/log.h"

namespace quern::chunkserver {
namespace {

constexpr absl::Duration kInterval = absl::Minutes(10);

}  // namespace

Janitor::Janitor(const Services& services, absl::Duration quarantine)
    : services_(services), quarantine_(quarantine), thread_("janitor", [this] { Run(); }) {}

Janitor::~Janitor() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
  }
  thread_.Join();
}

void Janitor::Run() {
  mutex_.Lock();
  while (!stopping_) {
    mutex_.Unlock();
    Sweep();
    mutex_.Lock();
    if (!stopping_) stop_.WaitFor(&mutex_, kInterval);
  }
  mutex_.Unlock();
}

int Janitor::Sweep() {
  const int64_t old_ms = absl::ToUnixMillis(services_.clock->TimeNow() - quarantine_);
  int removed = 0;
  for (const std::shared_ptr<Replica>& replica : services_.store->List()) {
    const Replica::Facts facts = replica->facts();
    if (facts.report.state != ReplicaState::kQuarantined || facts.since_ms > old_ms) continue;
    const absl::Status status = services_.store->Remove(replica->chunk());
    LogInfo("quarantined_replica_removed", {{"chunk", replica->chunk()}, {"status", status}});
    if (status.ok()) ++removed;
  }
  return removed;
}

}  // namespace quern::chunkserver
