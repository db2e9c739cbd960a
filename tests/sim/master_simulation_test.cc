// The master's picture of a large cluster, kept by its own classes in virtual time: 10,000
// chunkservers register, one dies and is replaced, one comes back with half of its replicas. Prints
// what it measured. QUERN_SIM_CHUNKS=N runs it with N chunks; replay with QUERN_SEED=N.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/inventory_digest.h"
#include "master/service/cluster_state.h"
#include "master/service/order_dispatcher.h"
#include "master/service/replica_reports.h"

namespace quern::master {
namespace {

constexpr uint32_t kServers = 10'000;
constexpr uint32_t kRacks = 250;
constexpr uint32_t kReplication = 3;
constexpr uint64_t kLength = 64 << 20;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

uint64_t Chunks() {
  const char* text = std::getenv("QUERN_SIM_CHUNKS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : kSanitized ? 100'000 : 1'000'000;
}

uint64_t Seed() {
  const char* text = std::getenv("QUERN_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20031019;
}

// CPU time of this thread: what else runs on the machine hardly changes it.
absl::Duration CpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint32_t CrcOf(uint64_t chunk) { return static_cast<uint32_t>(MixBits(chunk)); }

// Where the replicas of a chunk are: three servers in three racks, a function of its id.
std::array<ServerId, kReplication> HoldersOf(uint64_t chunk, uint32_t servers) {
  const uint64_t hash = MixBits(chunk ^ Seed());
  const auto first = static_cast<uint32_t>(hash % servers);
  const auto second = first + 1 + static_cast<uint32_t>((hash >> 20) % (servers / 3));
  const auto third = second + 1 + static_cast<uint32_t>((hash >> 40) % (servers / 3));
  return {ServerId(first + 1), ServerId(second % servers + 1), ServerId(third % servers + 1)};
}

// The first test of the process: memory that was freed before would be used again.
TEST(MasterMemory, AChunkWithThreeReplicasTakesFewBytes) {
  if (kSanitized) GTEST_SKIP() << "memory of a sanitized build says nothing";
  const uint64_t chunks = 2 * Chunks();
  const uint32_t servers = 300;
  const uint64_t before = ResidentBytes();
  ChunkTable table;
  for (uint64_t chunk = 1; chunk <= chunks; ++chunk) {
    table.Load(ChunkId(chunk), pb::CHUNK_STATE_SEALED, kLength, CrcOf(chunk), kReplication,
               HoldersOf(chunk, servers));
  }
  const double bytes = static_cast<double>(ResidentBytes() - before) / static_cast<double>(chunks);
  std::cout << chunks << " chunks, " << bytes << " bytes each\n";
  EXPECT_LE(bytes, 48);
  EXPECT_GE(bytes, 24) << "less than the records alone: it was not measured";
}

class IgnoringPipe : public SessionPipe {
 public:
  void Send(pb::MasterMessage) override {}
  void Cancel() override {}
};

class MasterSimulation : public ::testing::Test {
 protected:
  MasterSimulation()
      : state_(MasterOptions(), clock_.MonotonicNow()),
        orders_({"cluster", 1}, [] { return uint64_t{1}; }),
        reports_(
            &state_, &orders_, &clock_,
            [this](ChunkId, absl::Duration, std::string_view) { ++seals_; },
            [] { ADD_FAILURE() << "the master is taken for an old one"; }) {}

  // What a master finds in its rows at a start.
  void Load() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (uint32_t id = 1; id <= kServers; ++id) {
      pb::ServerRow row;
      row.set_uuid("uuid" + std::to_string(id));
      row.set_address("host:" + std::to_string(id));
      row.set_node("node" + std::to_string(id));
      row.set_rack("/rack" + std::to_string(id % kRacks));
      state_.servers.Load(ServerId(id), row);
    }
    state_.standing.Reserved(Chunks() + 1);
    inventories_.resize(kServers + 1);
    for (uint64_t chunk = 1; chunk <= Chunks(); ++chunk) {
      const auto holders = HoldersOf(chunk, kServers);
      state_.chunks.Load(ChunkId(chunk), pb::CHUNK_STATE_SEALED, kLength, CrcOf(chunk),
                         kReplication, holders);
      for (const ServerId server : holders) Toggle(chunk, server);
    }
  }
  // Keeps what the server itself would send as its digests.
  void Toggle(uint64_t chunk, ServerId server) {
    inventories_[server.value()][InventoryBucket(ChunkId(chunk))] ^=
        InventoryHash(ChunkId(chunk), pb::REPLICA_STATE_FINALIZED, kLength, CrcOf(chunk));
  }

  pb::DiskReport Disk() const {
    pb::DiskReport disk;
    disk.set_capacity_bytes(uint64_t{100} << 40);
    disk.set_free_bytes(uint64_t{50} << 40);
    return disk;
  }
  std::vector<uint32_t> Register(ServerId server) {
    pb::ServerMessage::Register registration;
    *registration.add_disks() = Disk();
    {
      MutexLock lock(&state_.mutex);
      state_.servers.Admit(server, registration, clock_.MonotonicNow());
    }
    orders_.Attach(server, std::make_shared<IgnoringPipe>());
    return reports_.OnDigests(server, inventories_[server.value()]);
  }
  void RegisterAll() {
    for (uint32_t id = 1; id <= kServers; ++id) {
      if (!Register(ServerId(id)).empty()) ADD_FAILURE() << "server " << id << " differs";
    }
  }
  void HeartbeatAllBut(ServerId silent) {
    pb::ServerMessage::Heartbeat heartbeat;
    *heartbeat.add_disks() = Disk();
    MutexLock lock(&state_.mutex);
    for (uint32_t id = 1; id <= kServers; ++id) {
      if (ServerId(id) == silent) continue;
      state_.servers.Heartbeat(ServerId(id), heartbeat, clock_.MonotonicNow());
    }
  }
  void Kill(ServerId server) {
    clock_.AdvanceTime(absl::Seconds(20));
    HeartbeatAllBut(server);
    MutexLock lock(&state_.mutex);
    state_.servers.Disconnect(server);
    ASSERT_EQ(state_.servers.TakeDead(clock_.MonotonicNow()), std::vector{server});
  }
  // Orders copies and carries them out until there is nothing to do.
  struct Repair {
    size_t copies = 0;
    size_t most_at_once = 0;
    absl::Duration longest_plan;
  };
  Repair RepairAll(ServerId dead) {
    Repair repair;
    while (true) {
      const absl::Duration began = CpuTime();
      RepairPlanner::Plan plan;
      {
        MutexLock lock(&state_.mutex);
        plan = state_.repair.Next(state_.chunks, state_.servers, &state_.placement,
                                  clock_.MonotonicNow(), state_.random);
      }
      repair.longest_plan = std::max(repair.longest_plan, CpuTime() - began);
      if (plan.copies.empty()) return repair;
      repair.copies += plan.copies.size();
      repair.most_at_once = std::max(repair.most_at_once, plan.copies.size());
      for (const RepairPlanner::Copy& copy : plan.copies) Finish(copy);
      clock_.AdvanceTime(absl::Seconds(1));
      HeartbeatAllBut(dead);
    }
  }
  void Finish(const RepairPlanner::Copy& copy) {
    pb::ReplicaReport report;
    report.set_chunk_id(copy.chunk.value());
    report.set_state(pb::REPLICA_STATE_FINALIZED);
    report.set_length(copy.length);
    report.set_crc(copy.crc);
    reports_.OnDeltas(copy.target, {report});
    const absl::Time now = clock_.MonotonicNow();
    MutexLock lock(&state_.mutex);
    state_.repair.Ended(copy.chunk, copy.target, "", now);
    state_.Reassess(copy.chunk, now);
  }
  size_t CountGood(uint64_t chunk) {
    MutexLock lock(&state_.mutex);
    return Assess(*state_.chunks.Find(ChunkId(chunk)), state_.servers).good.size();
  }

  SimulatedClock clock_;
  ClusterState state_;
  OrderDispatcher orders_;
  int seals_ = 0;
  ReplicaReports reports_;
  std::vector<InventoryDigests> inventories_;
};

TEST_F(MasterSimulation, TenThousandServersComeAndGo) {
  const absl::Duration loading = CpuTime();
  Load();
  const absl::Duration registering = CpuTime();
  RegisterAll();
  const absl::Duration registered = CpuTime() - registering;
  std::cout << Chunks() << " chunks: loaded in " << registering - loading << ", " << kServers
            << " registrations took " << registered << " of the master's time\n";
  // A billion chunks in an hour, a hundred million in five minutes; a scan of the whole table for
  // each server would take ten thousand times as long as it holds.
  const double seconds = absl::ToDoubleSeconds(registered) * (kSanitized ? 0.05 : 1);
  EXPECT_LT(seconds, 10 + 300.0 * static_cast<double>(Chunks()) / 1e8);
  {
    MutexLock lock(&state_.mutex);
    EXPECT_TRUE(state_.servers.AllConfirmed());
    EXPECT_EQ(state_.repair.under_replicated(), 0u);
    EXPECT_EQ(state_.garbage.removals(), 0u);
    EXPECT_TRUE(state_.hints_to_write.empty()) << "nothing is new";
  }
  for (uint64_t chunk = 1; chunk <= Chunks(); chunk += 1 + Chunks() / 1000) {
    ASSERT_EQ(CountGood(chunk), kReplication);
  }

  const ServerId dead(4711);
  Kill(dead);
  absl::Duration longest;
  size_t slices = 0;
  absl::Duration slice_began = CpuTime();
  const absl::Time now = clock_.MonotonicNow();
  state_.ForEachOnServer(
      dead,
      [&](const ChunkInfo& chunk)
          ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex) { state_.Reassess(chunk, now); },
      [&] {
        longest = std::max(longest, CpuTime() - slice_began);
        ++slices;
        slice_began = CpuTime();
      });
  size_t lacking = 0;
  {
    MutexLock lock(&state_.mutex);
    lacking = state_.repair.under_replicated();
    EXPECT_EQ(lacking, state_.chunks.CountOnServer(dead));
  }
  const absl::Duration repairing = CpuTime();
  const Repair repair = RepairAll(dead);
  std::cout << "a death: " << slices << " slices, the longest " << longest << "; " << repair.copies
            << " copies planned and ended in " << CpuTime() - repairing << ", at most "
            << repair.most_at_once << " at once, the longest plan " << repair.longest_plan << "\n";
  if (!kSanitized) {
    EXPECT_LT(longest, absl::Milliseconds(50));
    EXPECT_LT(repair.longest_plan, absl::Milliseconds(500));
  }
  EXPECT_EQ(repair.copies, lacking);
  MutexLock lock(&state_.mutex);
  EXPECT_EQ(state_.repair.under_replicated(), 0u);
  EXPECT_EQ(state_.repair.Validate(), absl::OkStatus());
}

TEST_F(MasterSimulation, AServerThatLostHalfIsComparedByItsListing) {
  Load();
  RegisterAll();
  const ServerId server(17);
  std::vector<pb::ReplicaReport> listing;
  std::vector<uint64_t> lost;
  for (uint64_t chunk = 1; chunk <= Chunks(); ++chunk) {
    const auto holders = HoldersOf(chunk, kServers);
    if (std::find(holders.begin(), holders.end(), server) == holders.end()) continue;
    if (MixBits(chunk) % 2 == 0) {
      Toggle(chunk, server);
      lost.push_back(chunk);
      continue;
    }
    pb::ReplicaReport& report = listing.emplace_back();
    report.set_chunk_id(chunk);
    report.set_state(pb::REPLICA_STATE_FINALIZED);
    report.set_length(kLength);
    report.set_crc(CrcOf(chunk));
  }
  ASSERT_FALSE(lost.empty());
  const std::vector<uint32_t> buckets = Register(server);
  EXPECT_FALSE(buckets.empty());
  for (const uint64_t chunk : lost) EXPECT_EQ(CountGood(chunk), 2u);
  reports_.OnInventory(server, buckets, listing);
  MutexLock lock(&state_.mutex);
  EXPECT_TRUE(state_.servers.AllConfirmed());
  EXPECT_EQ(state_.chunks.CountOnServer(server), listing.size());
  EXPECT_EQ(state_.chunks.Digests(server), inventories_[server.value()]);
  EXPECT_EQ(state_.repair.under_replicated(), lost.size());
  EXPECT_EQ(state_.hints_to_write.size(), lost.size());
  EXPECT_EQ(seals_, 0);
}

}  // namespace
}  // namespace quern::master
