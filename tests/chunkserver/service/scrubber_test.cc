// Bytes that go bad where nobody reads them are found all the same.
#include "chunkserver/service/scrubber.h"

#include "common/mutex.h"
#include "common/storage/file_io.h"
#include "tests/chunkserver/service/test_cluster.h"

namespace quern::chunkserver {
namespace {

// So fast that no test waits for it.
constexpr ScrubLimits kFast = {.min_bytes_per_second = uint64_t{1} << 40,
                               .max_bytes_per_second = uint64_t{1} << 40};

// Says which data files are opened to be read.
class WatchedFileSystem : public FaultyFileSystem {
 public:
  // Called before that.
  void OnRead(std::function<void(const std::string& path)> call) {
    MutexLock lock(&mutex_);
    on_read_ = std::move(call);
  }
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             const OpenOptions& options) override {
    std::function<void(const std::string&)> on_read;
    if (!options.write && path.find("/data/") != std::string::npos) {
      MutexLock lock(&mutex_);
      on_read = on_read_;
    }
    if (on_read != nullptr) on_read(path);
    return FaultyFileSystem::Open(path, options);
  }

 private:
  Mutex mutex_;
  std::function<void(const std::string&)> on_read_ ABSL_GUARDED_BY(mutex_);
};

class ScrubberTest : public ChunkserverTest {
 protected:
  void Adjust(ChunkserverOptions* options) override {
    options->scrub_days = 0;
    options->fs = &watched_;
  }
  void TearDown() override {
    watched_.OnRead(nullptr);
    servers_.clear();
  }
  void SetUp() override {
    StartAll({"n1"});
    for (uint64_t id = 1; id <= 3; ++id) MakeSealedChunk(ChunkId(id), {"n1"}, 100'000);
  }
  void FlipByte(ChunkId chunk) {
    ASSERT_OK_AND_ASSIGN(const auto file,
                         FileSystem::Real()->Open(DataFile("n1", chunk), {.write = true}));
    char byte = 0;
    ASSERT_OK(file->Pread(70'000, 1, &byte));
    byte = static_cast<char>(byte ^ 1);
    ASSERT_OK(file->Pwrite({&byte, 1}, 70'000));
  }
  Scrubber::Found Scrub() {
    const Services& services = servers_["n1"]->services();
    return Scrubber(services, &fs_, kFast).Scrub(0);
  }
  std::string ProgressFile() const { return Dir("n1") + "/scrub"; }
  // As if the last round had been long ago, or was under way.
  void SetProgress(std::optional<ChunkId> next, std::optional<ChunkId> last) {
    ASSERT_OK(WriteFileDurably(
        &fs_, ProgressFile(),
        EncodeScrubProgress({.began = absl::UnixEpoch(), .next = next, .last = last})));
  }

  WatchedFileSystem watched_;
};

TEST_F(ScrubberTest, FindsWhatNobodyReads) {
  FlipByte(ChunkId(2));
  const Scrubber::Found found = Scrub();
  EXPECT_EQ(found.good, 2u);
  EXPECT_EQ(found.condemned, 1u);
  EXPECT_TRUE(master_->AwaitState("n1", ChunkId(2), pb::REPLICA_STATE_CORRUPT));
  FlipByte(ChunkId(3));
  EXPECT_EQ(Scrub().condemned, 0u) << "the next round is not due";
}

TEST_F(ScrubberTest, GoesOnWhereItWas) {
  SetProgress(ChunkId(3), std::nullopt);
  FlipByte(ChunkId(2));
  EXPECT_EQ(Scrub().good, 1u) << "only the third is left of this round";
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFileToString(&fs_, ProgressFile()));
  EXPECT_EQ(DecodeScrubProgress(text)->next, std::nullopt);
  EXPECT_EQ(Scrub().condemned, 1u) << "a round that began in 1970 is due again";
}

TEST_F(ScrubberTest, ARoundEndsHoweverMuchIsWrittenMeanwhile) {
  uint64_t made = 3;
  watched_.OnRead([&](const std::string&) {
    if (made < 53) MakeSealedChunk(ChunkId(++made), {"n1"}, 100'000);
  });
  EXPECT_EQ(Scrub().good, 3u) << "what was there when it began";
  watched_.OnRead(nullptr);
  EXPECT_EQ(made, 6u);
  SetProgress(std::nullopt, std::nullopt);
  EXPECT_EQ(Scrub().good, 6u) << "and the rest in the next one";
}

TEST_F(ScrubberTest, ARoundThatGoesOnEndsWhereItWould) {
  SetProgress(ChunkId(2), ChunkId(2));
  EXPECT_EQ(Scrub().good, 1u);
}

TEST_F(ScrubberTest, ADamagedProgressBeginsAnew) {
  ASSERT_OK(WriteFileDurably(&fs_, ProgressFile(), "what is this\n"));
  EXPECT_EQ(Scrub().good, 3u);
}

// Nobody else looks at it: the master has nothing to replace it with.
TEST_F(ScrubberTest, WhatWasCondemnedIsLookedAtAgain) {
  for (const uint64_t id : {1, 2, 3}) FlipByte(ChunkId(id));
  EXPECT_EQ(Scrub().condemned, 3u);
  FlipByte(ChunkId(2));
  Scrubber scrubber(servers_["n1"]->services(), &fs_, kFast);
  const Scrubber::Found found = scrubber.CheckCondemned(0);
  EXPECT_EQ(found.good, 1u);
  EXPECT_EQ(found.condemned, 2u);
  EXPECT_TRUE(master_->AwaitState("n1", ChunkId(2), pb::REPLICA_STATE_FINALIZED));
}

// A round takes weeks, and readers wait for the last replica.
TEST_F(ScrubberTest, NoRoundKeepsWhatWasCondemnedWaiting) {
  FlipByte(ChunkId(1));
  ASSERT_OK(servers_["n1"]->store().Verify(ChunkId(1)));
  ASSERT_TRUE(master_->AwaitState("n1", ChunkId(1), pb::REPLICA_STATE_CORRUPT));
  // Its bytes are right again when the round has come to the third, where it waits for a day.
  watched_.OnRead([&](const std::string& path) {
    if (path != DataFile("n1", ChunkId(3))) return;
    watched_.OnRead(nullptr);
    FlipByte(ChunkId(1));
  });
  Scrubber scrubber(
      servers_["n1"]->services(), &fs_,
      {.look_every = absl::Milliseconds(1), .min_bytes_per_second = 1, .max_bytes_per_second = 1});
  scrubber.Start();
  EXPECT_TRUE(master_->AwaitState("n1", ChunkId(1), pb::REPLICA_STATE_FINALIZED));
}

class ScrubberWithoutRoundsTest : public ScrubberTest {
 protected:
  void Adjust(ChunkserverOptions* options) override {
    ScrubberTest::Adjust(options);
    options->limits.scrub_look = absl::Milliseconds(1);
  }
};

TEST_F(ScrubberWithoutRoundsTest, WhatWasCondemnedIsLookedAtAgain) {
  FlipByte(ChunkId(1));
  ASSERT_OK(servers_["n1"]->store().Verify(ChunkId(1)));
  ASSERT_TRUE(master_->AwaitState("n1", ChunkId(1), pb::REPLICA_STATE_CORRUPT));
  FlipByte(ChunkId(1));
  EXPECT_TRUE(master_->AwaitState("n1", ChunkId(1), pb::REPLICA_STATE_FINALIZED));
  EXPECT_FALSE(fs_.Exists(ProgressFile())) << "and nothing else is read";
}

TEST_F(ScrubberTest, StoppedItLeavesTheRoundToTheNextStart) {
  Scrubber scrubber(servers_["n1"]->services(), &fs_, kFast);
  scrubber.Stop();
  EXPECT_EQ(scrubber.Scrub(0).good, 0u);
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFileToString(&fs_, ProgressFile()));
  EXPECT_EQ(DecodeScrubProgress(text)->next, ChunkId(0));
}

}  // namespace
}  // namespace quern::chunkserver
