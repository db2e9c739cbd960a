#include "mapreduce/coordinator/logic/worker_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const absl::Time kEpoch = absl::UnixEpoch();

WorkerInfo Info(const std::string& id) { return {id, "127.0.0.1:1", "", "n1", "/r", 2}; }

TEST(WorkerRegistry, LosesASilentWorkerAfterTheHeartbeatTimeout) {
  WorkerRegistry registry;
  const WorkerKey worker = registry.Register(Info("a"), kEpoch);
  registry.Heartbeat(worker, kEpoch + absl::Seconds(5));
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(14)), IsEmpty());
  EXPECT_EQ(registry.NextDeadline(), kEpoch + absl::Seconds(15));
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(15)), ElementsAre(worker));
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(16)), IsEmpty()) << "told once";
}

TEST(WorkerRegistry, GivesABrokenSessionAShortTimeToComeBack) {
  WorkerRegistry registry;
  const WorkerKey worker = registry.Register(Info("a"), kEpoch);
  registry.Disconnected(worker, kEpoch + absl::Seconds(1));
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(3)), IsEmpty());
  EXPECT_EQ(registry.Register(Info("a"), kEpoch + absl::Seconds(3)), worker) << "same id, same key";
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(12)), IsEmpty());
  registry.Disconnected(worker, kEpoch + absl::Seconds(12));
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(15)), ElementsAre(worker));
}

TEST(WorkerRegistry, WaitsForWorkersThatTheJournalNames) {
  WorkerRegistry registry;
  const WorkerKey back = registry.Expect("a", kEpoch);
  const WorkerKey gone = registry.Expect("b", kEpoch);
  EXPECT_EQ(registry.Register(Info("a"), kEpoch + absl::Seconds(2)), back);
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(10)), ElementsAre(gone));
}

TEST(WorkerRegistry, WaitsForThemFromWhenTheyCanCome) {
  WorkerRegistry registry;
  const WorkerKey back = registry.Register(Info("a"), kEpoch);
  const WorkerKey away = registry.Expect("b", kEpoch);
  registry.AwaitAll(kEpoch + absl::Seconds(11));
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(20)), ElementsAre(back));
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Seconds(21)), ElementsAre(away));
}

TEST(WorkerRegistry, TakesALostWorkerBack) {
  WorkerRegistry registry;
  const WorkerKey worker = registry.Register(Info("a"), kEpoch);
  EXPECT_THAT(registry.CollectLost(kEpoch + absl::Minutes(1)), ElementsAre(worker));
  EXPECT_EQ(registry.NextDeadline(), absl::InfiniteFuture());
  EXPECT_EQ(registry.Register(Info("a"), kEpoch + absl::Minutes(2)), worker);
  EXPECT_EQ(registry.Get(worker).state, WorkerRegistry::State::kConnected);
}

}  // namespace
}  // namespace quern::mr
