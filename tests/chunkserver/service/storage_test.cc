// Reads, damage, full and failing disks, copies, removal.
#include <cerrno>
#include <string>
#include <string_view>

#include "chunkserver/service/janitor.h"
#include "chunkserver/service/server_metrics.h"
#include "chunkserver/service/stream_memory.h"
#include "chunkserver/store/chunk_store.h"
#include "common/crc32c.h"
#include "tests/chunkserver/service/test_cluster.h"
#include "tests/support/temp_dir.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;
using Operation = FaultyFileSystem::Operation;

constexpr ChunkId kOther{0x2b};

class StorageTest : public ChunkserverTest {
 protected:
  void FlipByte(const std::string& path, uint64_t offset) {
    ASSERT_OK_AND_ASSIGN(const auto file, FileSystem::Real()->Open(path, {.write = true}));
    char byte = 0;
    ASSERT_OK(file->Pread(offset, 1, &byte));
    byte = static_cast<char>(byte ^ 0x10);
    ASSERT_OK(file->Pwrite({&byte, 1}, offset));
  }
  std::string DiskOf(const std::string& node, uint64_t chunk) {
    return (*servers_[node]->store().Find(ChunkId(chunk)))->disk().path();
  }
  // By the failed sync of another chunk on it.
  void FailDisk(const std::string& node, const std::string& path) {
    uint64_t neighbour = 100;
    ASSERT_OK(master_->Create(ChunkId(neighbour), {node}));
    while (DiskOf(node, neighbour) != path) {
      ASSERT_OK(master_->Create(ChunkId(++neighbour), {node}));
      ASSERT_LT(neighbour, 200u);
    }
    fs_.Fail(Operation::kSync, path + "/data", EIO);
    EXPECT_FALSE(master_->Fence(node, ChunkId(neighbour)).ok());
    EXPECT_TRUE(master_->AwaitFailedDisks(node, 1));
  }
};

TEST_F(StorageTest, ReadsAnyRangeOfASealedChunk) {
  StartAll({"n1"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"}, 2'500'000);
  struct Range {
    uint64_t offset, length;
  };
  const Range ranges[] = {{0, 0},           {0, 1},         {65'535, 2},
                          {65'536, 65'536}, {1'048'575, 2}, {999'999, 1'500'001},
                          {2'499'999, 100}, {2'500'000, 0}};
  for (const Range& range : ranges) {
    ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", kChunk, range.offset, range.length));
    const size_t length = range.length == 0 ? std::string::npos : range.length;
    EXPECT_TRUE(answer.bytes == text.substr(range.offset, length)) << range.offset;
  }
  EXPECT_THAT(Read("n1", kChunk, 2'500'001), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(Read("n1", kOther), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(StorageTest, ReadsOfAnOpenChunkStopAtWhatIsCommitted) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes));
  AppendClient client(kChunk, master_->Chain(kNodes));
  const std::string text = Text(200'000);
  client.Send(1, text.substr(0, 100'000));
  ASSERT_TRUE(client.AwaitCommitted(100'000));
  client.Send(2, text.substr(100'000));
  ASSERT_TRUE(client.AwaitCommitted(200'000));
  ASSERT_OK_AND_ASSIGN(const ReadAnswer primary, Read("n1", kChunk));
  EXPECT_TRUE(primary.bytes == text);
  // The last server heard of the first commit with the second message, of the second not yet.
  ASSERT_OK_AND_ASSIGN(const ReadAnswer last, Read("n3", kChunk));
  EXPECT_TRUE(last.bytes == text.substr(0, 100'000));
}

TEST_F(StorageTest, DamagedBytesAreNeverServedAndReported) {
  StartAll(kNodes);
  const std::string text = MakeSealedChunk(kChunk, kNodes);
  FlipByte(DataFile("n2", kChunk), 123'456);
  ASSERT_OK_AND_ASSIGN(const ReadAnswer before, Read("n2", kChunk, 0, 65'536));
  EXPECT_TRUE(before.bytes == text.substr(0, 65'536)) << "the damage is elsewhere";
  EXPECT_THAT(Read("n2", kChunk), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_TRUE(master_->AwaitState("n2", kChunk, pb::REPLICA_STATE_CORRUPT));
  EXPECT_THAT(Read("n2", kChunk, 0, 10), StatusIs(absl::StatusCode::kDataLoss)) << "from now on";
  ASSERT_OK_AND_ASSIGN(const ReadAnswer good, Read("n3", kChunk));
  EXPECT_TRUE(good.bytes == text);
  // The master has it replaced; the damaged source does not spread.
  ASSERT_OK(master_->Copy("n2", kChunk, text.size(), Crc32c(text), {"n3"}));
  EXPECT_TRUE(master_->AwaitState("n2", kChunk, pb::REPLICA_STATE_FINALIZED));
  ASSERT_OK_AND_ASSIGN(const ReadAnswer repaired, Read("n2", kChunk));
  EXPECT_TRUE(repaired.bytes == text);
}

TEST_F(StorageTest, AMissingOrShortFileIsDamage) {
  StartAll({"n1"});
  MakeSealedChunk(kChunk, {"n1"});
  MakeSealedChunk(kOther, {"n1"});
  ASSERT_OK(FileSystem::Real()->Remove(DataFile("n1", kChunk)));
  ASSERT_OK_AND_ASSIGN(const auto file,
                       FileSystem::Real()->Open(DataFile("n1", kOther), {.write = true}));
  ASSERT_OK(file->Truncate(100'000));
  for (const ChunkId chunk : {kChunk, kOther}) {
    EXPECT_THAT(Read("n1", chunk), StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_TRUE(master_->AwaitState("n1", chunk, pb::REPLICA_STATE_CORRUPT));
  }
}

TEST_F(StorageTest, CopiesFromTheFirstSourceThatIsGood) {
  StartAll({"n1", "n2", "n3", "n4"});
  const std::string text = MakeSealedChunk(kChunk, {"n1", "n2"}, 2'500'000);
  FlipByte(DataFile("n1", kChunk), 2'400'000);
  ASSERT_OK_AND_ASSIGN(const auto result,
                       master_->Copy("n4", kChunk, text.size(), Crc32c(text), {"n3", "n1", "n2"}));
  EXPECT_EQ(result.replica().state(), pb::REPLICA_STATE_FINALIZED);
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n4", kChunk));
  EXPECT_TRUE(answer.bytes == text);
  ASSERT_OK_AND_ASSIGN(const auto fenced, master_->Fence("n4", kChunk, 7));
  EXPECT_EQ(fenced.last_seq(), 25u) << "a copy knows what its producers sent";
  EXPECT_OK(master_->Copy("n4", kChunk, text.size(), Crc32c(text), {"n3"})) << "it is there";
  EXPECT_THAT(master_->Copy("n3", kChunk, text.size(), Crc32c(text) + 1, {"n2"}),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Read("n3", kChunk), StatusIs(absl::StatusCode::kNotFound)) << "nothing is left of it";
}

class SlowCopyTest : public StorageTest {
  // As over a link so slow that a chunk takes longer than what is given to any.
  void Adjust(ChunkserverOptions* options) override {
    options->limits.copy_timeout = absl::ZeroDuration();
  }
};

TEST_F(SlowCopyTest, ACopyHasTheTimeThatItsLengthTakes) {
  StartAll({"n1", "n2"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"}, 20'000'000);
  EXPECT_OK(master_->Copy("n2", kChunk, text.size(), Crc32c(text), {"n1"}));
}

TEST_F(StorageTest, AFullDiskIsItsOwnErrorAndTheServerGoesOn) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kOther, kNodes));
  ASSERT_OK(master_->Create(kChunk, kNodes));
  AppendClient client(kChunk, master_->Chain(kNodes));
  client.Send(1, "abc");
  ASSERT_TRUE(client.AwaitCommitted(3));
  fs_.Fail(Operation::kWrite, "/n2/0/data", ENOSPC);
  client.Send(2, "def");
  EXPECT_FALSE(client.AwaitEnd().ok());
  EXPECT_EQ(client.failed_server, master_->Chain({"n2"})[0].server_id());
  EXPECT_THAT(client.error, HasSubstr("No space left"));
  EXPECT_TRUE(master_->AwaitState("n2", kChunk, pb::REPLICA_STATE_FENCED));
  ASSERT_OK_AND_ASSIGN(const auto fenced, master_->Fence("n2", kChunk, 7));
  EXPECT_EQ(fenced.replica().length(), 3u);
  EXPECT_TRUE(master_->AwaitFailedDisks("n2", 0)) << "full is not failed";
  fs_.Fail(Operation::kReserve, "/n2/0/data", ENOSPC);
  EXPECT_THAT(master_->Create(ChunkId(0x2c), {"n2"}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(master_->Delete("n2", kChunk)) << "deleting works on a full disk";
  fs_.Fail(Operation::kReserve, "/n2/0/data", 0);
  fs_.Fail(Operation::kWrite, "/n2/0/data", 0);
  EXPECT_OK(master_->Create(ChunkId(0x2c), {"n2"})) << "and without a restart it takes new chunks";
}

TEST_F(StorageTest, AFailedSyncCostsThatDiskAndNoOther) {
  StartMaster();
  Start("n1", /*disks=*/2);
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  // One chunk on each disk.
  std::vector<ChunkId> on_disk(2);
  for (uint64_t id = 1; !on_disk[0] || !on_disk[1]; ++id) {
    ASSERT_LT(id, 100u);
    ASSERT_OK(master_->Create(ChunkId(id), {"n1"}));
    const std::string& path = (*servers_["n1"]->store().Find(ChunkId(id)))->disk().path();
    on_disk[path == Dir("n1", 0) ? 0 : 1] = ChunkId(id);
  }
  AppendClient first(on_disk[0], master_->Chain({"n1"}));
  AppendClient second(on_disk[1], master_->Chain({"n1"}));
  first.Send(1, "abc");
  second.Send(1, "abc");
  ASSERT_TRUE(first.AwaitCommitted(3));
  fs_.Fail(Operation::kSync, "/n1/0/data", EIO);
  first.Sync(1);
  EXPECT_FALSE(first.AwaitEnd().ok());
  EXPECT_EQ(first.synced_id, 0u);
  EXPECT_TRUE(master_->AwaitFailedDisks("n1", 1));
  EXPECT_TRUE(master_->AwaitState("n1", on_disk[0], pb::REPLICA_STATE_REMOVED));
  // Never tried again, although it would work now.
  fs_.Fail(Operation::kSync, "/n1/0/data", 0);
  EXPECT_FALSE(master_->Fence("n1", on_disk[0]).ok()) << "such a replica has no vote";
  EXPECT_FALSE(Read("n1", on_disk[0]).ok());
  second.Sync(1);
  EXPECT_TRUE(second.Await([&] { return second.synced_id == 1; })) << second.error;
  EXPECT_EQ(master_->Inventory("n1").size(), servers_["n1"]->store().size() - 1);
  // Not after a restart either, until somebody has looked at it.
  Start("n1", /*disks=*/2);
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  EXPECT_TRUE(master_->AwaitFailedDisks("n1", 1));
  EXPECT_OK(master_->Fence("n1", on_disk[1]));
  EXPECT_THAT(master_->Fence("n1", on_disk[0]), StatusIs(absl::StatusCode::kUnavailable))
      << "it may be on the disk that is not looked at";
}

// In a small cluster the only server that can take the copy may be the one that lost the replica.
TEST_F(StorageTest, WhatAFailedDiskHeldIsCopiedToAnotherOne) {
  StartMaster();
  Start("n1", /*disks=*/2);
  Start("n2");
  ASSERT_TRUE(master_->AwaitSessions({"n1", "n2"}));
  const std::string text = MakeSealedChunk(kChunk, {"n1", "n2"});
  const std::string path = DiskOf("n1", kChunk.value());
  FailDisk("n1", path);
  ASSERT_TRUE(master_->AwaitState("n1", kChunk, pb::REPLICA_STATE_REMOVED));
  ASSERT_OK_AND_ASSIGN(const auto result,
                       master_->Copy("n1", kChunk, text.size(), Crc32c(text), {"n2"}));
  EXPECT_EQ(result.replica().state(), pb::REPLICA_STATE_FINALIZED);
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", kChunk));
  EXPECT_TRUE(answer.bytes == text);
  EXPECT_NE(DiskOf("n1", kChunk.value()), path);
}

TEST_F(StorageTest, AReplicaThatWasOpenOnADiskThatFailedIsReplacedByACopy) {
  StartMaster();
  Start("n1", /*disks=*/2);
  Start("n2");
  ASSERT_TRUE(master_->AwaitSessions({"n1", "n2"}));
  const std::vector<std::string> both = {"n1", "n2"};
  ASSERT_OK(master_->Create(kChunk, both));
  const std::string text = Text(100'000);
  {
    AppendClient client(kChunk, master_->Chain(both));
    client.Send(1, text);
    ASSERT_TRUE(client.AwaitCommitted(text.size()));
  }
  FailDisk("n1", DiskOf("n1", kChunk.value()));
  ASSERT_OK(master_->Fence("n2", kChunk));
  ASSERT_OK(master_->Finalize("n2", kChunk, text.size(), Crc32c(text)));
  ASSERT_OK(master_->Copy("n1", kChunk, text.size(), Crc32c(text), {"n2"}));
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", kChunk));
  EXPECT_TRUE(answer.bytes == text);
}

TEST_F(StorageTest, VerifiesOnOrder) {
  StartAll({"n1"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"});
  ASSERT_OK_AND_ASSIGN(const auto good, master_->Verify("n1", kChunk));
  EXPECT_EQ(good.replica().state(), pb::REPLICA_STATE_FINALIZED);
  {
    ASSERT_OK_AND_ASSIGN(const auto file,
                         FileSystem::Real()->Open(DataFile("n1", kChunk), {.write = true}));
    ASSERT_OK(file->Pwrite(std::string(1, static_cast<char>(text[1000] ^ 1)), 1000));
  }
  ASSERT_OK_AND_ASSIGN(const auto bad, master_->Verify("n1", kChunk));
  EXPECT_EQ(bad.replica().state(), pb::REPLICA_STATE_CORRUPT);
  EXPECT_TRUE(master_->AwaitState("n1", kChunk, pb::REPLICA_STATE_CORRUPT));
  EXPECT_THAT(master_->Verify("n1", ChunkId(99)), StatusIs(absl::StatusCode::kNotFound));
}

// See ChunkStoreHistoriesTest.
TEST_F(StorageTest, WhatIsSealedOrCopiedByOrderIsJudged) {
  StartAll({"n1", "n2"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"});
  EXPECT_OK(master_->Copy("n2", kChunk, text.size(), Crc32c(text), {"n1"}));
  for (const char* node : {"n1", "n2"}) {
    EXPECT_GT((*servers_[node]->store().Find(kChunk))->facts().judged, 0u) << node;
  }
}

TEST_F(StorageTest, RemovesAndQuarantines) {
  StartAll({"n1"});
  MakeSealedChunk(kChunk, {"n1"});
  const std::string text = MakeSealedChunk(kOther, {"n1"});
  ASSERT_OK(master_->Delete("n1", kChunk));
  EXPECT_TRUE(master_->AwaitState("n1", kChunk, pb::REPLICA_STATE_REMOVED));
  EXPECT_FALSE(FileSystem::Real()->Exists(DataFile("n1", kChunk)));
  EXPECT_OK(master_->Delete("n1", kChunk)) << "once more";
  ASSERT_OK(master_->Quarantine("n1", kOther));
  EXPECT_TRUE(master_->AwaitState("n1", kOther, pb::REPLICA_STATE_QUARANTINED));
  EXPECT_THAT(Read("n1", kOther), StatusIs(absl::StatusCode::kNotFound));
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  ASSERT_EQ(master_->Inventory("n1").size(), 1u);
  EXPECT_EQ(master_->Inventory("n1")[0].state(), pb::REPLICA_STATE_QUARANTINED);
  // Time alone removes nothing: the master is told, and decides.
  Services services;
  services.store = &servers_["n1"]->store();
  services.clock = Clock::Real();
  EXPECT_EQ(Janitor(services, absl::Hours(24)).Sweep(), 0) << "too early";
  EXPECT_EQ(Janitor(services, absl::ZeroDuration()).Sweep(), 1);
  EXPECT_TRUE(master_->AwaitExpired("n1", kOther));
  EXPECT_EQ(master_->Inventory("n1").size(), 1u);
  // A right master finds that it is good after all.
  ASSERT_OK(master_->Finalize("n1", kOther, text.size(), Crc32c(text)));
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", kOther));
  EXPECT_TRUE(answer.bytes == text);
}

TEST_F(StorageTest, ASealBelowItsLengthCutsAReplicaAndADifferentOneMakesItStale) {
  StartAll({"n1", "n2"});
  ASSERT_OK(master_->Create(kChunk, {"n1", "n2"}));
  AppendClient client(kChunk, master_->Chain({"n1", "n2"}));
  for (uint64_t seq = 1; seq <= 5; ++seq) client.Send(seq, Text(50'000, seq));
  ASSERT_TRUE(client.AwaitCommitted(250'000));
  const auto prefix_crc = [&](uint64_t length) -> std::optional<uint32_t> {
    pb::Order order;
    order.mutable_fence()->set_chunk_id(kChunk.value());
    order.mutable_fence()->set_prefix_length(length);
    const auto result = master_->Carry("n1", order);
    EXPECT_OK(result.status());
    if (!result.ok() || !result->has_prefix_crc()) return std::nullopt;
    return result->prefix_crc();
  };
  EXPECT_EQ(prefix_crc(100'000), Crc32c(Text(50'000, 1) + Text(50'000, 2)));
  EXPECT_EQ(prefix_crc(250'001), std::nullopt) << "it has no such prefix";
  // 120,000 is inside the third append: as no real seal, and yet right.
  const std::string kept = (Text(50'000, 1) + Text(50'000, 2) + Text(50'000, 3)).substr(0, 120'000);
  ASSERT_OK_AND_ASSIGN(const auto cut, master_->Finalize("n1", kChunk, 120'000, Crc32c(kept)));
  EXPECT_EQ(cut.replica().state(), pb::REPLICA_STATE_FINALIZED);
  EXPECT_EQ(prefix_crc(120'000), Crc32c(kept));
  EXPECT_EQ(prefix_crc(100'000), std::nullopt) << "a sealed replica knows its whole length only";
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", kChunk));
  EXPECT_TRUE(answer.bytes == kept);
  ASSERT_OK_AND_ASSIGN(const auto fenced, master_->Fence("n1", kChunk, 7));
  EXPECT_EQ(fenced.last_seq(), 2u);
  ASSERT_OK_AND_ASSIGN(const auto other, master_->Finalize("n2", kChunk, 120'000, 1));
  EXPECT_EQ(other.replica().state(), pb::REPLICA_STATE_STALE);
  EXPECT_THAT(Read("n2", kChunk), StatusIs(absl::StatusCode::kFailedPrecondition));
}

// The gauges of a disk are its own, also when another one was at its place before.
TEST(DiskGaugesTest, ADiskThatIsMissedIsNotTakenForTheOneAtItsPlace) {
  const TempDir dir;
  ChunkStoreOptions options;
  options.dirs = {dir / "a", dir / "b"};
  options.boot_id = "boot-1";
  options.reserve_bytes = 1;
  std::string missed;
  {
    ASSERT_OK_AND_ASSIGN(const auto store, ChunkStore::Open(options));
    missed = store->Disks()[0].uuid;
  }
  ASSERT_OK(FileSystem::Real()->Rename(dir / "a", dir / "c"));
  ASSERT_OK(FileSystem::Real()->Rename(dir / "b", dir / "a"));
  options.dirs = {dir / "a"};
  ASSERT_OK_AND_ASSIGN(const auto store, ChunkStore::Open(options));
  ASSERT_EQ(store->Disks().size(), 2u);
  EXPECT_THAT(Message(store->Disks()[1].health), HasSubstr("where another one stands now"));
  Metrics metrics;
  StreamMemory memory(1 << 20);
  const ServerMetrics numbers(&metrics, store.get(), &memory);
  const std::string text = metrics.Render();
  constexpr std::string_view kFailed = "quern_dfs_chunkserver_disk_failed";
  EXPECT_THAT(text, HasSubstr(fmt::format("{}{{disk=\"{}\"}} 0\n", kFailed, dir / "a")));
  EXPECT_THAT(text, HasSubstr(fmt::format("{}{{disk=\"{}\"}} 1\n", kFailed, missed)));
}

}  // namespace
}  // namespace quern::chunkserver
