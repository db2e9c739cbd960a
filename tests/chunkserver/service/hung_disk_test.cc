// A disk that hangs: no operation on it comes back, not even one that asks how much space is left.
#include <algorithm>
#include <atomic>

#include "chunkserver/store/rocks_replica_index.h"
#include "common/clock.h"
#include "common/crc32c.h"
#include "common/inventory_digest.h"
#include "common/thread.h"
#include "tests/chunkserver/service/test_cluster.h"
#include "tests/support/hanging_file_system.h"
#include "tests/support/rocks_on_files.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;

// The machine's clock, which a test puts forward.
class ShiftedClock : public Clock {
 public:
  absl::Time TimeNow() override {
    return Clock::Real()->TimeNow() + absl::Seconds(seconds_.load());
  }
  absl::Time MonotonicNow() override {
    return Clock::Real()->MonotonicNow() + absl::Seconds(seconds_.load());
  }
  void Sleep(absl::Duration duration) override { Clock::Real()->Sleep(duration); }
  void PutForward(int64_t seconds) { seconds_ += seconds; }

 private:
  std::atomic<int64_t> seconds_ = 0;
};

class HungDiskTest : public ChunkserverTest {
 protected:
  void Adjust(ChunkserverOptions* options) override {
    options->fs = &files_;
    // However slow this machine is, only a clock that was put forward goes beyond it.
    options->limits.disk_patience = absl::Hours(1);
    options->limits.disk_silence = absl::Hours(24);
    options->clock = &clock_;
    options->limits.disk_look = absl::Milliseconds(20);
    options->open_index = [this](const std::string& path, bool create) {
      return RocksReplicaIndex::Open({.path = path, .create = create, .env = env_.get()});
    };
  }
  void TearDown() override {
    files_.Release();
    threads_.clear();
    servers_.clear();
  }

  // A server with two disks, and a sealed chunk on each.
  void StartWithTwoDisks() {
    StartMaster();
    Start("n1", /*disks=*/2);
    ASSERT_TRUE(master_->AwaitSessions({"n1"}));
    for (size_t disk = 0; disk < 2; ++disk) {
      while (!chunk_[disk]) {
        ASSERT_LT(++last_chunk_, 100u);
        const std::string text = MakeSealedChunk(ChunkId(last_chunk_), {"n1"});
        if (DiskOf(last_chunk_) != disk) continue;
        chunk_[disk] = ChunkId(last_chunk_);
        text_[disk] = text;
      }
    }
  }
  size_t DiskOf(uint64_t chunk) { return *servers_["n1"]->store().DiskOf(ChunkId(chunk)); }
  // Orders whose answer is not waited for here.
  void InBackground(std::function<void()> work) {
    threads_.emplace_back("background", std::move(work));
  }
  void HangFirstDisk() {
    files_.Hang("/n1/0");
    NoticeWhenAsleep(1);
  }
  // Once so many operations sleep, they have done so for longer than anybody is patient.
  void NoticeWhenAsleep(int operations) {
    ASSERT_TRUE(Eventually([&] { return files_.sleeping() >= operations; }));
    clock_.PutForward(7'200);
    ASSERT_TRUE(master_->AwaitHangingDisks("n1", 1)) << "heartbeats go on and tell of it";
  }

  static bool Eventually(const std::function<bool()>& done) {
    const absl::Time give_up = Clock::Real()->MonotonicNow() + FakeMaster::kPatience;
    while (!done()) {
      if (Clock::Real()->MonotonicNow() > give_up) return false;
      Clock::Real()->Sleep(absl::Milliseconds(1));
    }
    return true;
  }
  bool AwaitOrders(size_t orders) {
    return Eventually([&] { return servers_["n1"]->session().state().orders == orders; });
  }

  ShiftedClock clock_;
  HangingFileSystem files_;
  const std::unique_ptr<rocksdb::Env> env_ = NewRocksEnv(&files_);
  ChunkId chunk_[2];  // by disk
  std::string text_[2];
  uint64_t last_chunk_ = 0;
  std::atomic<int> answered_ = 0;
  std::vector<Thread> threads_;
};

TEST_F(HungDiskTest, TheOtherDiskGoesOnServing) {
  StartWithTwoDisks();
  HangFirstDisk();
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(master_->Create(ChunkId(++last_chunk_), {"n1"}));
    EXPECT_EQ(DiskOf(last_chunk_), 1u);
  }
  const std::string text = MakeSealedChunk(ChunkId(++last_chunk_), {"n1"});
  ASSERT_OK_AND_ASSIGN(const ReadAnswer fresh, Read("n1", ChunkId(last_chunk_)));
  EXPECT_TRUE(fresh.bytes == text);
  ASSERT_OK_AND_ASSIGN(const ReadAnswer old, Read("n1", chunk_[1]));
  EXPECT_TRUE(old.bytes == text_[1]);
  EXPECT_OK(master_->Delete("n1", chunk_[1]));
}

TEST_F(HungDiskTest, WhatNeedsItIsRefusedAtOnce) {
  StartWithTwoDisks();
  HangFirstDisk();
  EXPECT_THAT(Read("n1", chunk_[0]), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("hangs")));
  EXPECT_THAT(master_->Fence("n1", chunk_[0]),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("hangs")));
  EXPECT_THAT(master_->Delete("n1", chunk_[0]), StatusIs(absl::StatusCode::kUnavailable));
}

// Whichever of them is written first.
class HungDiskOfTwoTest : public HungDiskTest, public ::testing::WithParamInterface<size_t> {};

TEST_P(HungDiskOfTwoTest, ChunksOfBothInOneMessageMakeOnlyOneLookHung) {
  StartWithTwoDisks();
  const size_t hangs = GetParam();
  std::vector<WholeClient::Chunk> chunks;
  bool on_disk[2] = {};
  while (!on_disk[0] || !on_disk[1]) {
    ASSERT_LT(++last_chunk_, 100u);
    ASSERT_OK(master_->Create(ChunkId(last_chunk_), {"n1"}, /*capacity_bytes=*/1000));
    on_disk[DiskOf(last_chunk_)] = true;
    chunks.push_back({ChunkId(last_chunk_), Text(1000, last_chunk_), /*producer=*/7, /*seq=*/1});
  }
  files_.Hang(fmt::format("/n1/{}", hangs));
  InBackground([this, chunks] {
    // Whether it is closed in the end depends on when the disk comes back.
    WholeClient(master_->Chain({"n1"})).Send(master_->Chain({"n1"}), chunks).status().IgnoreError();
  });
  NoticeWhenAsleep(1);
  ASSERT_OK_AND_ASSIGN(const ReadAnswer old, Read("n1", chunk_[1 - hangs]));
  EXPECT_TRUE(old.bytes == text_[1 - hangs]);
}

INSTANTIATE_TEST_SUITE_P(Disks, HungDiskOfTwoTest, ::testing::Values(0, 1));

// More orders than a disk has threads, sent before anybody knows that it hangs.
TEST_F(HungDiskTest, OrdersThatWaitForItHoldUpNobodyAndAreAnswered) {
  StartMaster();
  Start("n1", /*disks=*/2);
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  std::vector<uint64_t> on_first;
  while (on_first.size() < 12) {
    ASSERT_LT(last_chunk_, 200u);
    ASSERT_OK(master_->Create(ChunkId(++last_chunk_), {"n1"}, /*capacity_bytes=*/64 << 10));
    if (DiskOf(last_chunk_) == 0) on_first.push_back(last_chunk_);
  }
  files_.Hang("/n1/0");
  for (const uint64_t chunk : on_first) {
    InBackground([this, chunk] {
      master_->Fence("n1", ChunkId(chunk)).IgnoreError();
      ++answered_;
    });
  }
  ASSERT_TRUE(AwaitOrders(12));
  NoticeWhenAsleep(5);  // one order for each thread of the disk, and the look at its space
  EXPECT_OK(master_->Create(ChunkId(++last_chunk_), {"n1"}));
  EXPECT_TRUE(Eventually([&] { return answered_ >= 8; }));
  EXPECT_EQ(answered_, 8) << "all but those that its threads have begun";
  files_.Release();
  threads_.clear();
  EXPECT_EQ(answered_, 12);
}

TEST_F(HungDiskTest, ItGoesOnWhenItAnswersAgain) {
  StartWithTwoDisks();
  HangFirstDisk();
  files_.Release();
  ASSERT_TRUE(master_->AwaitHangingDisks("n1", 0));
  EXPECT_TRUE(master_->AwaitFailedDisks("n1", 0));
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", chunk_[0]));
  EXPECT_TRUE(answer.bytes == text_[0]);
  bool used = false;
  for (int i = 0; i < 20 && !used; ++i) {
    ASSERT_OK(master_->Create(ChunkId(++last_chunk_), {"n1"}));
    used = DiskOf(last_chunk_) == 0;
  }
  EXPECT_TRUE(used) << "it gets new replicas again";
}

TEST_F(HungDiskTest, WhatIsOnADiskThatIsSilentForTooLongIsNotCountedOn) {
  StartWithTwoDisks();
  HangFirstDisk();
  EXPECT_EQ(master_->Reported("n1", chunk_[0]).state(), pb::REPLICA_STATE_FINALIZED)
      << "it may only be slow";
  clock_.PutForward(86'400);
  ASSERT_TRUE(master_->AwaitState("n1", chunk_[0], pb::REPLICA_STATE_REMOVED));
  for (const auto& replica : master_->Inventory("n1")) {
    EXPECT_EQ(DiskOf(replica.chunk_id()), 1u) << replica.chunk_id();
  }
  EXPECT_TRUE(master_->AwaitFailedDisks("n1", 0));
  EXPECT_THAT(master_->Fence("n1", chunk_[0]), StatusIs(absl::StatusCode::kUnavailable))
      << "but it is not lost";
  files_.Release();
  ASSERT_TRUE(master_->AwaitState("n1", chunk_[0], pb::REPLICA_STATE_FINALIZED));
  EXPECT_EQ(master_->Inventory("n1").size(), servers_["n1"]->store().size());
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", chunk_[0]));
  EXPECT_TRUE(answer.bytes == text_[0]);
}

TEST_F(HungDiskTest, ACopyTakesThePlaceOfWhatIsOnASilentDiskForGood) {
  StartWithTwoDisks();
  Start("n2");
  ASSERT_TRUE(master_->AwaitSessions({"n1", "n2"}));
  const ChunkId chunk = chunk_[0];
  ASSERT_OK(master_->Copy("n2", chunk, text_[0].size(), Crc32c(text_[0]), {"n1"}));
  HangFirstDisk();
  clock_.PutForward(86'400);
  ASSERT_TRUE(master_->AwaitState("n1", chunk, pb::REPLICA_STATE_REMOVED));
  ASSERT_OK(master_->Copy("n1", chunk, text_[0].size(), Crc32c(text_[0]), {"n2"}));
  EXPECT_EQ(DiskOf(chunk.value()), 1u);
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", chunk));
  EXPECT_TRUE(answer.bytes == text_[0]);
  files_.Release();
  ASSERT_TRUE(master_->AwaitHangingDisks("n1", 0));
  EXPECT_TRUE(Eventually([&] { return !FileSystem::Real()->Exists(DataFile("n1", chunk, 0)); }))
      << "the old one goes";
  EXPECT_TRUE(FileSystem::Real()->Exists(DataFile("n1", chunk, 1)));
  EXPECT_EQ(master_->Reported("n1", chunk).state(), pb::REPLICA_STATE_FINALIZED);
}

// The next master counts its orders from 1 as well.
TEST_F(HungDiskTest, AnOrderOfTheLastMasterDoesNotAnswerOneOfThisMaster) {
  StartWithTwoDisks();
  master_.reset();
  StartMaster({.term = 2, .log_index = 11});
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  files_.Hang("/n1/0");
  pb::Order fence;
  fence.mutable_fence()->set_chunk_id(chunk_[0].value());
  master_->Send("n1", fence);
  ASSERT_TRUE(AwaitOrders(1));
  master_.reset();
  StartMaster({.term = 3, .log_index = 12});
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  files_.Release();
  ASSERT_TRUE(AwaitOrders(0));
  ASSERT_OK_AND_ASSIGN(const auto result, master_->Fence("n1", chunk_[1]));
  EXPECT_EQ(result.replica().chunk_id(), chunk_[1].value());
}

// A master counts on what is told after its orders were forgotten.
TEST_F(HungDiskTest, OrdersOfAnEndedSessionThatHaveNotBegunAreDropped) {
  StartWithTwoDisks();
  files_.Hang("/n1/0");
  pb::Order verify;
  verify.mutable_verify()->set_chunk_id(chunk_[0].value());
  master_->Send("n1", verify);
  ASSERT_TRUE(Eventually([&] { return files_.sleeping() >= 2; })) << "and the look at its space";
  pb::Order remove;
  remove.mutable_delete_()->set_chunk_id(chunk_[0].value());
  master_->Send("n1", remove);
  ASSERT_TRUE(AwaitOrders(2));
  master_.reset();
  StartMaster({.term = 2, .log_index = 20});
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  EXPECT_TRUE(AwaitOrders(1));
  files_.Release();
  EXPECT_TRUE(AwaitOrders(0));
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", chunk_[0]));
  EXPECT_TRUE(answer.bytes == text_[0]);
}

TEST_F(HungDiskTest, AReplicaWhoseRemovalAnEndedSessionBeganIsNotToldBeforeThatHasFailed) {
  StartWithTwoDisks();
  const auto listed = [&](ChunkId chunk) {
    const auto inventory = master_->Inventory("n1");
    return std::ranges::any_of(
        inventory, [&](const auto& replica) { return replica.chunk_id() == chunk.value(); });
  };
  ASSERT_TRUE(listed(chunk_[0]));
  for (const bool fails : {true, false}) {
    // Changes the mark of its master, which is the first that an order writes.
    master_->SetLogIndex(fails ? 20 : 40);
    files_.Hang("/n1/0");
    pb::Order remove;
    remove.mutable_delete_()->set_chunk_id(chunk_[0].value());
    if (fails) remove.mutable_delete_()->set_create_token(4711);
    master_->Send("n1", remove);
    ASSERT_TRUE(AwaitOrders(1));
    ASSERT_TRUE(Eventually([&] { return files_.sleeping() >= 2; })) << "it has begun";
    master_.reset();
    StartMaster({.term = fails ? 2u : 3u, .log_index = fails ? 30u : 50u});
    ASSERT_TRUE(master_->AwaitSessions({"n1"}));
    EXPECT_FALSE(listed(chunk_[0]));
    EXPECT_TRUE(listed(chunk_[1]));
    EXPECT_EQ(master_->Registration("n1").digests(InventoryBucket(chunk_[0])), 0u);
    files_.Release();
    ASSERT_TRUE(AwaitOrders(0));
    if (fails) {
      EXPECT_TRUE(master_->AwaitState("n1", chunk_[0], pb::REPLICA_STATE_FINALIZED));
      EXPECT_TRUE(listed(chunk_[0]));
    } else {
      EXPECT_THAT(Read("n1", chunk_[0]), StatusIs(absl::StatusCode::kNotFound));
      EXPECT_FALSE(listed(chunk_[0]));
    }
  }
}

class SilentSourceTest : public HungDiskTest {
  void Adjust(ChunkserverOptions* options) override {
    HungDiskTest::Adjust(options);
    options->limits.copy_silence = absl::Seconds(1);
  }
};

// Its machine answers, so that no connection breaks.
TEST_F(SilentSourceTest, ACopyDoesNotWaitForASourceThatSaysNothing) {
  StartWithTwoDisks();
  Start("n2");
  ASSERT_TRUE(master_->AwaitSessions({"n1", "n2"}));
  files_.Hang("/n1/0");
  EXPECT_THAT(master_->Copy("n2", chunk_[0], text_[0].size(), Crc32c(text_[0]), {"n1"}),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("said nothing")));
}

}  // namespace
}  // namespace quern::chunkserver
