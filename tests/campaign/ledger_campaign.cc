// The file system under users who never rest and machines that fail in every way, held to a ledger
// that lies outside of it. Rounds of a cluster each, until the time is up:
//
//   start a cluster -> { actors act -> a fault is done -> they go on -> it is undone ->
//   all is read and compared } several times -> at rest: fsck, the master's list and the disks
//   agree
//
//   ledger_campaign [--minutes N] [--seed S]      as ctest runs it: one short round
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "common/clock.h"
#include "tests/campaign/actor.h"
#include "tests/campaign/disks.h"
#include "tests/campaign/faults.h"
#include "tests/campaign/options.h"
#include "tests/campaign/verifier.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/exchange.h"

namespace quern::campaign {
namespace {

using testing::Cluster;

constexpr int kActors = 3;
constexpr int kChunkservers = 4;
constexpr int kShortSteps = 4;
constexpr int kSteps = 12;
// So many operations happen before, during and after a fault, or so much time passes.
constexpr uint64_t kOperationsAround = 25;
constexpr absl::Duration kLongestFault = absl::Seconds(8);
constexpr absl::Duration kRecovery = absl::Seconds(90);

class Round {
 public:
  explicit Round(uint64_t seed) : random_(seed), seed_(seed) {}

  void Run(int steps) {
    disks_ = testing::PowerCutDisk::Available();
    cluster_ = Cluster::Start({.chunkservers = kChunkservers,
                               .workers = 1,
                               .replication = 2,
                               .disk_per_server = disks_,
                               .keep_logs_in = fmt::format("ledger-{}", seed_)});
    ASSERT_NE(cluster_, nullptr);
    for (int i = 0; i < kActors; ++i) {
      actors_.push_back(
          std::make_unique<Actor>(fmt::format("actor{}", i), cluster_->master(), random_()));
    }
    for (int step = 0; step < steps && !Failed(); ++step) Step(step);
    if (!Failed() && disks_) RunOldMaster();
    if (!Failed()) VerifyAtRest();
    uint64_t operations = 0;
    uint64_t unknown = 0;
    for (const auto& actor : actors_) {
      operations += actor->operations();
      unknown += actor->unknown_outcomes();
    }
    std::cout << fmt::format("seed {}: {} steps, {} operations, {} of unknown outcome\n", seed_,
                             steps, operations, unknown)
              << std::flush;
    actors_.clear();
  }

 private:
  static bool Failed() { return ::testing::Test::HasFailure(); }

  void Step(int step) {
    for (const auto& actor : actors_) actor->Resume();
    LetThemAct();
    const FaultTargets targets = Targets();
    const Fault fault = DoOne(cluster_.get(), targets, &random_);
    std::cout << fmt::format("seed {} step {}: {}\n", seed_, step, fault.what) << std::flush;
    LetThemAct();
    fault.undo();
    LetThemAct();
    PauseAndObserve(fault.what);
  }

  FaultTargets Targets() const {
    FaultTargets targets{.chunkservers = {}, .all = {"master"}, .disks = disks_};
    for (int i = 1; i <= kChunkservers; ++i) {
      targets.chunkservers.push_back(fmt::format("chunkserver{}", i));
      targets.all.push_back(targets.chunkservers.back());
    }
    return targets;
  }

  uint64_t Operations() const {
    uint64_t sum = 0;
    for (const auto& actor : actors_) sum += actor->operations();
    return sum;
  }
  void LetThemAct() {
    const uint64_t enough = Operations() + kOperationsAround;
    cluster_->Eventually([&] { return Operations() >= enough; }, kLongestFault);
  }

  void PauseAndObserve(const std::string& after) {
    for (const auto& actor : actors_) actor->Pause();
    EXPECT_TRUE(
        cluster_->Eventually([&] { return cluster_->Dfs({"health"}).exit_code == 0; }, kRecovery))
        << after << ": the cluster does not serve again";
    for (const auto& actor : actors_) {
      actor->Observe();
      for (const std::string& violation : actor->TakeViolations()) {
        ADD_FAILURE() << "after " << after << ": " << violation << Replay();
      }
    }
  }

  // The actors stand still: an old master may not take changes, and must not undo any.
  void RunOldMaster() {
    OldMaster old(cluster_.get(), cluster_->scratch() + "/old_master");
    for (const auto& actor : actors_) actor->Resume();
    LetThemAct();
    LetThemAct();
    PauseAndObserve("a restart of the master");
    old.PutOldCopyBack();
    // Time for it to do harm: it may give orders as soon as servers come to it.
    cluster_->Eventually([] { return false; }, kLongestFault);
    old.PutRightOneBack();
    PauseAndObserve("an old copy of the master ran");
  }

  void VerifyAtRest() {
    // Every replica is read: of the bits that were flipped some have met no reader yet.
    testing::CommandResult fsck;
    const bool healthy = cluster_->Eventually(
        [&] {
          fsck = cluster_->Dfs({"fsck", "/", "--verify"});
          return fsck.exit_code == 0 && NothingLeftOver();
        },
        kRecovery);
    if (!healthy) std::cout << "not at rest after " << kRecovery << "\n";
    ClusterSeen seen;
    seen.fsck_exit = fsck.exit_code;
    const std::string_view verdict = std::string_view(fsck.out).substr(0, fsck.out.rfind('\n'));
    seen.fsck_verdict = verdict.substr(verdict.rfind('\n') + 1);
    ListChunks("/", &seen);
    seen.nameless_chunks = NamelessChunks();
    std::map<std::string, std::string> directories;
    for (const std::string& name : Targets().chunkservers) {
      directories[name] = cluster_->spec(name).dir;
    }
    cluster_->StopAll();
    for (const auto& [name, dir] : directories) {
      auto disk = LookAtDisk(dir);
      ASSERT_TRUE(disk.ok()) << name << ": " << disk.status();
      seen.disks[name] = *std::move(disk);
    }
    for (const std::string& violation : Verify(seen)) {
      ADD_FAILURE() << "at rest: " << violation << Replay();
    }
  }

  // Garbage is collected when the servers have as many replicas as the master wants.
  bool NothingLeftOver() {
    const auto cluster = Admin()->GetCluster();
    if (!cluster.ok()) return false;
    ClusterSeen seen;
    ListChunks("/", &seen);
    uint64_t wanted = 0;
    for (const auto& [id, chunk] : seen.chunks) {
      // An empty one may have fewer.
      wanted += chunk.length > 0 ? chunk.wanted : chunk.servers.size();
    }
    if (!NamelessChunks().empty()) return false;
    uint64_t there = 0;
    for (const auto& server : cluster->servers) there += server.chunk_count;
    return there == wanted && HeldByServers() == wanted;
  }

  // Of files that a client could not abandon, as it did not reach the master.
  std::set<uint64_t> NamelessChunks() {
    std::set<uint64_t> chunks;
    const auto files = Admin()->ListOpenFiles();
    EXPECT_TRUE(files.ok()) << files.status();
    if (!files.ok()) return chunks;
    for (const client::OpenFile& file : *files) {
      const auto its_chunks = Admin()->GetChunks(file.inode);
      if (file.linked || !its_chunks.ok()) continue;
      for (const client::ChunkInfo& chunk : *its_chunks) chunks.insert(chunk.id.value());
    }
    return chunks;
  }

  // By their own word: the master counts only what belongs to a file.
  uint64_t HeldByServers() {
    uint64_t sum = 0;
    for (const std::string& name : Targets().chunkservers) {
      std::istringstream metrics(
          testing::Exchange(cluster_->spec(name).ports.http, "GET /metrics HTTP/1.0\r\n\r\n"));
      for (std::string line; std::getline(metrics, line);) {
        if (!line.starts_with("quern_dfs_chunkserver_replicas{")) continue;
        if (line.find("QUARANTINED") != std::string::npos) continue;
        sum += std::strtoull(line.c_str() + line.rfind(' '), nullptr, 10);
      }
    }
    return sum;
  }

  void ListChunks(const std::string& directory, ClusterSeen* seen) {
    const auto entries = Admin()->List(directory);
    ASSERT_TRUE(entries.ok()) << entries.status();
    for (const client::FileStatus& status : *entries) {
      if (status.is_directory()) {
        ListChunks(status.path, seen);
        continue;
      }
      const auto chunks = Admin()->GetChunks(status.path);
      ASSERT_TRUE(chunks.ok()) << chunks.status();
      for (const client::ChunkInfo& chunk : *chunks) {
        ChunkSeen& one = seen->chunks[chunk.id.value()];
        one = {.file = status.path,
               .length = chunk.length,
               .crc = chunk.crc,
               .sealed = chunk.sealed,
               .lost_tail = chunk.lost_tail,
               .wanted = chunk.wanted_replicas,
               .servers = {}};
        for (const auto& replica : chunk.replicas) {
          one.servers.push_back(NameOf(replica.address));
        }
      }
    }
  }
  std::string NameOf(const std::string& address) const {
    for (const std::string& name : Targets().chunkservers) {
      if (cluster_->spec(name).rpc_address() == address) return name;
    }
    return address;
  }

  client::FileSystem* Admin() {
    if (admin_ == nullptr) {
      client::ClientOptions options;
      options.masters = {cluster_->master()};
      admin_ = client::FileSystem::Create(std::move(options));
    }
    return admin_.get();
  }

  std::string Replay() const {
    return fmt::format("\nreplay: tests/campaign.sh --only ledger --seed {}", seed_);
  }

  Random random_;
  const uint64_t seed_;
  bool disks_ = false;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<client::FileSystem> admin_;
  std::vector<std::unique_ptr<Actor>> actors_;
};

TEST(LedgerCampaign, NothingIsLostAndNothingComesBack) {
  Clock* const clock = Clock::Real();
  const absl::Time until = clock->MonotonicNow() + Get().duration;
  uint64_t seed = Get().seed;
  int rounds = 0;
  do {
    Round(seed++).Run(Get().duration == absl::ZeroDuration() ? kShortSteps : kSteps);
    ++rounds;
  } while (!HasFailure() && clock->MonotonicNow() < until);
  std::cout << fmt::format("{} rounds, seeds {} to {}\n", rounds, Get().seed, seed - 1);
}

}  // namespace
}  // namespace quern::campaign

int main(int argc, char** argv) {
  quern::campaign::Parse(&argc, argv);
  return RUN_ALL_TESTS();
}
