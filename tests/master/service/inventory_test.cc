// The table of the master and what chunkservers have, while sessions go on: whatever parts them is
// found.
#include <gmock/gmock.h>

#include <atomic>

#include "common/rpc/bulk_codec.h"
#include "common/rpc/session_server.h"
#include "master/service/session_handler.h"
#include "master/store/memory_metadata_store.h"
#include "tests/master/service/test_cluster.h"

namespace quern::master {
namespace {

using ::testing::Contains;
using ::testing::Not;

class InventoryTest : public MasterTest {
 protected:
  InventoryTest() { options_.inventory_check.every = absl::Milliseconds(100); }

  // The sealed file has these replicas and says so.
  bool Settles(const OpenFile& open, size_t replicas) {
    return Eventually([&] {
      const auto chunks = client_->GetChunks("/f");
      if (!chunks.ok() || chunks->chunks(0).replicas_size() != static_cast<int>(replicas)) {
        return false;
      }
      for (const auto& replica : chunks->chunks(0).replicas()) {
        if (ServerOf(replica)->Replica(open.id()).state() != pb::REPLICA_STATE_FINALIZED) {
          return false;
        }
      }
      return CountFinalized(open.id()) == replicas;
    });
  }
};

TEST_F(InventoryTest, AReplicaThatVanishedWithoutAWordIsFoundAndReplaced) {
  StartMaster();
  AddServers(4);
  const OpenFile open = CompleteFile("/f", 100);
  ASSERT_TRUE(Settles(open, 3));
  ServerOf(open.chunk.replicas(1))->SetReplica(open.id(), pb::REPLICA_STATE_REMOVED, 0);
  EXPECT_TRUE(Settles(open, 3));
}

TEST_F(InventoryTest, AReplicaThatCameWithoutAWordIsFoundAndOneTooManyGoes) {
  StartMaster();
  AddServers(4);
  const OpenFile open = CompleteFile("/f", 100);
  ASSERT_TRUE(Settles(open, 3));
  Outsider(open.chunk)->SetReplica(open.id(), pb::REPLICA_STATE_FINALIZED, 100);
  EXPECT_TRUE(Settles(open, 3));
}

TEST_F(InventoryTest, AnOpenReplicaThatVanishedHasItsChunkSealed) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  ServerOf(open.chunk.replicas(2))->SetReplica(open.id(), pb::REPLICA_STATE_REMOVED, 0);
  // The third one may be copied anew before anybody looks.
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) >= 2; }));
  EXPECT_OK(client_->Call(client_->CompleteRequest(open.file, 100)).status());
}

// A disk that is silent for minutes has its replicas told as gone, and told again when it answers.
TEST_F(InventoryTest, AnOpenReplicaThatWasGoneForAWhileTakesPartInTheSeal) {
  options_.inventory_check.every = absl::Hours(1);
  options_.seal_pause = absl::Milliseconds(20);
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  const auto may_seal = std::make_shared<std::atomic<bool>>(false);
  for (const auto& server : servers_) {
    server->SetOverride([=](const pb::Order& order) -> std::optional<FakeChunkserver::Result> {
      if (!order.has_fence() || *may_seal) return std::nullopt;
      return FakeChunkserver::Failure(static_cast<int>(absl::StatusCode::kUnavailable));
    });
  }
  FakeChunkserver* const silent = ServerOf(open.chunk.replicas(1));
  silent->Report(open.id(), pb::REPLICA_STATE_REMOVED, 0);
  ASSERT_TRUE(Eventually([&] { return silent->CountOrders(pb::Order::kFence) > 0; }))
      << "its chunk cannot grow any more";
  silent->Report(open.id(), pb::REPLICA_STATE_OPEN, 100);
  SetFreeBytes(silent, 1 << 20);
  *may_seal = true;
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 3; }));
  ASSERT_OK(client_->Call(client_->CompleteRequest(open.file, 100)));
  EXPECT_TRUE(Eventually([&] { return Nodes("/f").size() == 3; }));
  EXPECT_EQ(silent->CountOrders(pb::Order::kQuarantine), 0);
  EXPECT_EQ(silent->CountOrders(pb::Order::kCopy), 0);
}

TEST_F(InventoryTest, AReplicaThatCouldNotBeFinalizedIsToldAgain) {
  options_.seal_pause = absl::Milliseconds(50);
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  FakeChunkserver* const troubled = ServerOf(open.chunk.replicas(2));
  int failures = 0;
  troubled->SetOverride([&](const pb::Order& order) -> std::optional<FakeChunkserver::Result> {
    if (!order.has_finalize() || ++failures > 3) return std::nullopt;
    return FakeChunkserver::Failure(static_cast<int>(absl::StatusCode::kUnavailable));
  });
  SealCleanly(open, 100);
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 3; }));
}

// The master before was an old one, or this server has two and told of the wrong one.
TEST_F(InventoryTest, WhatWasSealedOrRefusedOtherwiseIsJudgedAnewWithOneOrder) {
  options_.inventory_check.every = absl::Hours(1);
  StartMaster();
  AddServers(1);
  const OpenFile open = CompleteFile("/f", 100, /*replication=*/1);
  FakeChunkserver* const only = servers_[0].get();
  const auto becomes = [&](pb::ReplicaState state) {
    return Eventually([&] { return only->Replica(open.id()).state() == state; });
  };
  const int before = only->CountOrders(pb::Order::kFinalize);
  only->Report(open.id(), pb::REPLICA_STATE_FINALIZED, 90);
  EXPECT_TRUE(becomes(pb::REPLICA_STATE_STALE));
  only->Report(open.id(), pb::REPLICA_STATE_STALE, 100);
  EXPECT_TRUE(becomes(pb::REPLICA_STATE_FINALIZED));
  EXPECT_EQ(only->CountOrders(pb::Order::kFinalize), before + 2)
      << "none for what stays STALE in between";
  // As a session that begins finds it.
  only->Disconnect();
  only->SetReplica(open.id(), pb::REPLICA_STATE_FINALIZED, 90);
  ASSERT_OK(only->Connect());
  EXPECT_TRUE(becomes(pb::REPLICA_STATE_STALE));
  EXPECT_EQ(only->CountOrders(pb::Order::kDelete), 0) << "there is no other";
}

class RecordingStream : public rpc::SessionStream {
 public:
  void Send(grpc::ByteBuffer message) override {
    MutexLock lock(&mutex_);
    pb::MasterMessage decoded;
    if (!rpc::DecodeMessage(message, &decoded).ok()) return;
    admitted_ |= decoded.has_admitted();
    if (decoded.has_inventory_wanted()) ++listings_wanted_;
  }
  int listings_wanted() {
    MutexLock lock(&mutex_);
    return listings_wanted_;
  }
  void Finish(const absl::Status& status) override {
    MutexLock lock(&mutex_);
    if (!finished_) finished_ = status;
  }
  bool admitted() {
    MutexLock lock(&mutex_);
    return admitted_;
  }
  std::optional<absl::Status> finished() {
    MutexLock lock(&mutex_);
    return finished_;
  }

 private:
  Mutex mutex_;
  bool admitted_ ABSL_GUARDED_BY(mutex_) = false;
  int listings_wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<absl::Status> finished_ ABSL_GUARDED_BY(mutex_);
};

// Messages of a session may still wait in the master when the next one of the same server begins.
TEST(Sessions, NothingThatAnOldSessionSaysComesAfterTheDigestsOfTheNext) {
  MemoryMetadataStore store;
  ASSERT_OK_AND_ASSIGN(const auto master, Master::Start({}, &store, Clock::Real()));
  SessionHandler handler(master->options(), {master->cluster_id(), ""}, &master->state(),
                         &master->committer(), &master->orders(), &master->reports(),
                         &master->clock(), [] {});
  const auto open = [&](const std::shared_ptr<RecordingStream>& stream) {
    auto receiver = handler.Open(stream);
    pb::ServerMessage message;
    message.mutable_register_()->set_server_uuid("uuid");
    message.mutable_register_()->set_address("host:1");
    receiver->OnMessage(rpc::EncodeMessage(message));
    EXPECT_TRUE(Eventually([&] { return stream->admitted(); }));
    return receiver;
  };
  const auto old_stream = std::make_shared<RecordingStream>();
  const auto new_stream = std::make_shared<RecordingStream>();
  const auto old_session = open(old_stream);
  const auto new_session = open(new_stream);
  const ChunkId chunk(7);
  {
    MutexLock lock(&master->state().mutex);
    master->state().standing.Reserved(100);
    master->state().chunks.Load(chunk, pb::CHUNK_STATE_SEALED, 100, 1, 1, {});
  }
  pb::ServerMessage news;
  news.mutable_heartbeat()->set_seq(1);
  pb::ReplicaReport* report = news.mutable_heartbeat()->add_deltas();
  report->set_chunk_id(chunk.value());
  report->set_state(pb::REPLICA_STATE_FINALIZED);
  report->set_length(100);
  report->set_crc(1);
  const auto replicas = [&] {
    MutexLock lock(&master->state().mutex);
    return master->state().chunks.Find(chunk)->replicas.size();
  };
  old_session->OnMessage(rpc::EncodeMessage(news));
  ASSERT_TRUE(Eventually([&] { return old_stream->finished().has_value(); }));
  EXPECT_EQ(old_stream->finished()->code(), absl::StatusCode::kAborted);
  EXPECT_EQ(replicas(), 0u);
  new_session->OnMessage(rpc::EncodeMessage(news));
  EXPECT_TRUE(Eventually([&] { return replicas() == 1; }));
  EXPECT_FALSE(new_stream->finished().has_value());
  handler.Stop();
}

// Digests that were asked for twice may come while a listing is on its way.
TEST(Sessions, AListingIsComparedWithWhatItWasAskedFor) {
  MemoryMetadataStore store;
  ASSERT_OK_AND_ASSIGN(const auto master, Master::Start({}, &store, Clock::Real()));
  SessionHandler handler(master->options(), {master->cluster_id(), ""}, &master->state(),
                         &master->committer(), &master->orders(), &master->reports(),
                         &master->clock(), [] {});
  const auto stream = std::make_shared<RecordingStream>();
  const auto session = handler.Open(stream);
  const auto say = [&](const pb::ServerMessage& message) {
    session->OnMessage(rpc::EncodeMessage(message));
  };
  pb::ServerMessage message;
  message.mutable_register_()->set_server_uuid("uuid");
  message.mutable_register_()->set_address("host:1");
  say(message);
  ASSERT_TRUE(Eventually([&] { return stream->listings_wanted() == 1; }));
  message.mutable_inventory()->set_last(true);
  say(message);
  const ChunkId vanished(1);
  const ChunkId there(2);
  ASSERT_NE(InventoryBucket(vanished), InventoryBucket(there));
  InventoryDigests digests = {};
  ServerId server;
  ASSERT_TRUE(Eventually([&] {
    MutexLock lock(&master->state().mutex);
    server = *master->state().servers.FindByUuid("uuid");
    return master->state().servers.Find(server)->confirmed;
  }));
  {
    MutexLock lock(&master->state().mutex);
    master->state().standing.Reserved(100);
    for (const ChunkId chunk : {vanished, there}) {
      master->state().chunks.Load(chunk, pb::CHUNK_STATE_SEALED, 100, 1, 1, {});
      master->state().chunks.SetReplica(chunk, {server, pb::REPLICA_STATE_FINALIZED, true});
    }
    digests = master->state().chunks.Digests(server);
  }
  // It lacks one replica all the time, and from its second word on has a stranger.
  digests[InventoryBucket(vanished)] = 0;
  for (uint64_t seq = 1; seq <= 3; ++seq) {
    if (seq == 2) digests[InventoryBucket(there)] ^= 4711;
    pb::ServerMessage beat;
    beat.mutable_heartbeat()->set_seq(seq);
    beat.mutable_heartbeat()->mutable_digests()->Add(digests.begin(), digests.end());
    say(beat);
  }
  ASSERT_TRUE(Eventually([&] { return stream->listings_wanted() >= 2; }));
  pb::ServerMessage listing;
  listing.mutable_inventory()->add_buckets(InventoryBucket(vanished));
  listing.mutable_inventory()->set_last(true);
  say(listing);
  const auto replicas = [&](ChunkId chunk) {
    MutexLock lock(&master->state().mutex);
    return master->state().chunks.Find(chunk)->replicas.size();
  };
  EXPECT_TRUE(Eventually([&] { return replicas(vanished) == 0; }));
  EXPECT_EQ(replicas(there), 1u) << "it was not in the buckets that were listed";
  handler.Stop();
}

// A disk that takes its time.
class GatedStore : public MemoryMetadataStore {
 public:
  absl::Status Write(const WriteSet& changes) override {
    {
      MutexLock lock(&gate_mutex_);
      ++at_the_gate_;
      while (closed_) opened_.Wait(&gate_mutex_);
      --at_the_gate_;
    }
    return MemoryMetadataStore::Write(changes);
  }
  void Close(bool closed) {
    MutexLock lock(&gate_mutex_);
    closed_ = closed;
    opened_.SignalAll();
  }
  int at_the_gate() {
    MutexLock lock(&gate_mutex_);
    return at_the_gate_;
  }

 private:
  Mutex gate_mutex_;
  CondVar opened_;
  bool closed_ ABSL_GUARDED_BY(gate_mutex_) = false;
  int at_the_gate_ ABSL_GUARDED_BY(gate_mutex_) = 0;
};

// It gives its first registration up when the master's disk is slow, and comes again.
TEST(Sessions, ANewServerThatRegistersTwiceIsOneServer) {
  GatedStore store;
  ASSERT_OK_AND_ASSIGN(const auto master, Master::Start({}, &store, Clock::Real()));
  SessionHandler handler(master->options(), {master->cluster_id(), ""}, &master->state(),
                         &master->committer(), &master->orders(), &master->reports(),
                         &master->clock(), [] {});
  pb::ServerMessage message;
  message.mutable_register_()->set_server_uuid("uuid");
  message.mutable_register_()->set_address("host:1");
  const auto first_stream = std::make_shared<RecordingStream>();
  const auto second_stream = std::make_shared<RecordingStream>();
  const auto first = handler.Open(first_stream);
  const auto second = handler.Open(second_stream);
  store.Close(true);
  first->OnMessage(rpc::EncodeMessage(message));
  ASSERT_TRUE(Eventually([&] { return store.at_the_gate() == 1; }));
  second->OnMessage(rpc::EncodeMessage(message));
  EXPECT_TRUE(Eventually([&] { return second_stream->finished().has_value(); }));
  store.Close(false);
  EXPECT_TRUE(Eventually([&] { return first_stream->admitted(); }));
  {
    MutexLock lock(&master->state().mutex);
    EXPECT_EQ(master->state().servers.servers().size(), 1u);
  }
  const auto third_stream = std::make_shared<RecordingStream>();
  const auto third = handler.Open(third_stream);
  third->OnMessage(rpc::EncodeMessage(message));
  EXPECT_TRUE(Eventually([&] { return third_stream->admitted(); })) << "it may come again";
  handler.Stop();
}

class AllocationTest : public ::testing::Test {
 protected:
  AllocationTest() : state_({}, absl::UnixEpoch()) {
    MutexLock lock(&state_.mutex);
    for (const ServerId server : {ServerId(1), ServerId(2)}) {
      pb::ServerRow row;
      row.set_uuid(server.ToString());
      state_.servers.Load(server, row);
      state_.servers.Admit(server, {}, absl::UnixEpoch());
      state_.servers.Confirm(server);
      state_.allocating[kChunk].made_in.emplace_back(server, state_.servers.Find(server)->session);
    }
  }
  void Log() {
    pb::LogRecord record;
    record.mutable_add_chunk()->set_chunk_id(kChunk.value());
    record.mutable_add_chunk()->set_wanted_replicas(2);
    record.mutable_add_chunk()->add_servers(1);
    record.mutable_add_chunk()->add_servers(2);
    state_.Apply(record, absl::UnixEpoch());
  }
  bool Confirmed(ServerId server) {
    MutexLock lock(&state_.mutex);
    return state_.chunks.Find(kChunk)->Find(server)->confirmed;
  }

  const ChunkId kChunk{5};
  ClusterState state_;
};

TEST_F(AllocationTest, ReplicasThatWereMadeInTheirServersSessionsAreConfirmed) {
  Log();
  EXPECT_TRUE(Confirmed(ServerId(1)));
  EXPECT_TRUE(Confirmed(ServerId(2)));
  MutexLock lock(&state_.mutex);
  EXPECT_TRUE(state_.allocating.empty());
}

TEST_F(AllocationTest, AServerThatRegisteredSinceMayHaveForgottenItsReplica) {
  {
    MutexLock lock(&state_.mutex);
    state_.servers.Admit(ServerId(2), {}, absl::UnixEpoch());
  }
  Log();
  EXPECT_TRUE(Confirmed(ServerId(1)));
  EXPECT_FALSE(Confirmed(ServerId(2)));
}

TEST_F(AllocationTest, AServerThatSaysItIsGoneIsNotBelievedToHaveIt) {
  OrderDispatcher orders({}, [] { return uint64_t{1}; });
  ReplicaReports reports(
      &state_, &orders, Clock::Real(), [](ChunkId, absl::Duration, std::string_view) {}, [] {});
  pb::ReplicaReport gone;
  gone.set_chunk_id(kChunk.value());
  gone.set_state(pb::REPLICA_STATE_REMOVED);
  reports.OnDeltas(ServerId(1), {gone});
  Log();
  EXPECT_FALSE(Confirmed(ServerId(1)));
  EXPECT_TRUE(Confirmed(ServerId(2)));
}

}  // namespace
}  // namespace quern::master
