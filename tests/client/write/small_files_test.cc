// Many small files at a time over a scripted file system: each of them is there whole, or is told
// to be missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "client/client_context.h"
#include "client/file_system.h"
#include "client/write/whole_chunks.h"
#include "common/clock.h"
#include "common/crc32c.h"
#include "common/notification.h"
#include "common/random.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::client {
namespace {

using ::quern::testing::FakeDfs;
using ::quern::testing::FrameAction;
using ::testing::HasSubstr;

// Can be moved as soon as the thread that looks at it has begun to wait for bytes.
class ClockOfAWriter final : public SimulatedClock {
 public:
  void Watch(const AwaitedBytes* awaited) { awaited_ = awaited; }
  absl::Time TimeNow() override {
    // The wait begins with what is shown now, whoever hears of it.
    const absl::Time now = SimulatedClock::TimeNow();
    if (awaited_ != nullptr && awaited_->total() > 0) wait_began_.Notify();
    return now;
  }
  void AdvanceWait(absl::Duration duration) {
    wait_began_.Wait();
    AdvanceTime(duration);
  }

 private:
  const AwaitedBytes* awaited_ = nullptr;
  Notification wait_began_;
};

class SmallFilesTest : public RandomTest {
 protected:
  SmallFilesTest() : fs_(Connect(fake_.master_address())) {}

  static std::unique_ptr<FileSystem> Connect(const std::string& master) {
    ClientOptions options;
    options.masters = {master};
    return FileSystem::Create(std::move(options));
  }
  std::string RandomText(size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }
  // Files of up to `most` bytes, whose contents live as long as the test.
  std::vector<SmallFile> Some(size_t count, size_t most) {
    std::vector<SmallFile> files;
    for (size_t i = 0; i < count; ++i) {
      const std::string& bytes = contents_.emplace_back(RandomText(1 + random_() % most));
      files.push_back({fmt::format("/{}-{}", most, i), {.expected_bytes = bytes.size()}, bytes});
    }
    return files;
  }
  void ExpectAllThere(const std::vector<SmallFile>& files) {
    const auto results = fs_->WriteSmall(files);
    ASSERT_EQ(results.size(), files.size());
    for (size_t i = 0; i < files.size(); ++i) {
      ASSERT_OK(results[i].status());
      EXPECT_EQ(results[i]->path, files[i].path);
      EXPECT_EQ(results[i]->length, files[i].bytes.size());
      EXPECT_TRUE(fake_.FileBytes(files[i].path) == files[i].bytes) << files[i].path;
    }
  }

  // What is expected of the link once a message was answered after so long, bytes per second.
  double SpeedAfterALateAnswer(absl::Duration late, absl::Duration server_silence) {
    ClockOfAWriter clock;
    ClientContext context(
        {.masters = {fake_.master_address()}, .server_silence = server_silence, .clock = &clock});
    clock.Watch(&context.awaited_writes);
    const auto chunks = fs_->GetChunks("/old");
    EXPECT_OK(chunks.status());
    if (!chunks.ok()) return 0;
    const SharedPiece buffer = context.pieces->Take();
    buffer->size = 300'000;
    std::fill_n(buffer->data.get(), buffer->size, 'x');
    buffer->crc = Crc32c(buffer->bytes());
    const WholeChunk whole{.chunk = {.id = ChunkId(++chunk_), .chain = chunks->front().replicas},
                           .piece = {.seq = 1, .buffer = buffer},
                           .producer = 1};
    fake_.ScriptFrames([&clock, late](uint32_t) {
      clock.AdvanceWait(late);
      return FrameAction::kAck;
    });
    EXPECT_OK(SendWhole(&context, {&whole, 1}).status);
    fake_.ScriptFrames(nullptr);
    return context.awaited_writes.bytes_per_second();
  }

  FakeDfs fake_{{.servers = 3, .chunk_size = 4 << 20}};
  uint64_t chunk_ = 1'000'000;
  std::deque<std::string> contents_;
  std::unique_ptr<FileSystem> fs_;
};

TEST_F(SmallFilesTest, DozensShareEveryMessage) {
  ExpectAllThere(Some(100, 1000));
  EXPECT_EQ(fake_.whole_messages(), 1);
  EXPECT_EQ(fake_.seals_with_complete(), 100);
  ExpectAllThere(Some(300, 10));
  EXPECT_EQ(fake_.whole_messages(), 3) << "256 go at a time";
}

TEST_F(SmallFilesTest, AMessageHoldsNoMoreThanAPiece) {
  ExpectAllThere(Some(30, 200'000));
  EXPECT_GE(fake_.whole_messages(), 2);
  contents_.push_back(RandomText(1 << 20));
  ExpectAllThere({{"/one", {}, contents_.back()}, {"/two", {}, contents_.back()}});
}

TEST_F(SmallFilesTest, FilesOfSeveralChunksGoTheirOwnWay) {
  FakeDfs small_chunks({.servers = 3, .chunk_size = 4096});
  fs_ = Connect(small_chunks.master_address());
  const std::string long_one = RandomText(10'000);
  const std::string exact = RandomText(4096);
  const std::vector<SmallFile> files = {{"/a", {}, "a"}, {"/l", {}, long_one}, {"/e", {}, exact}};
  for (const auto& result : fs_->WriteSmall(files)) EXPECT_OK(result.status());
  for (const SmallFile& file : files) {
    EXPECT_TRUE(small_chunks.FileBytes(file.path) == file.bytes) << file.path;
  }
}

TEST_F(SmallFilesTest, WhatFailsForOneIsToldOfThatOne) {
  ExpectAllThere({{"/taken", {}, "old"}});
  const std::string large((1 << 20) + 1, 'x');
  const std::vector<SmallFile> files = {{"/a", {}, "a"},
                                        {"/taken", {}, "new"},
                                        {"/empty", {}, ""},
                                        {"/large", {}, large},
                                        {"/b", {}, "bb"},
                                        {"/twice", {}, "1"},
                                        {"/c", {.overwrite = true}, "ccc"}};
  const auto results = fs_->WriteSmall(files);
  ASSERT_EQ(results.size(), files.size());
  EXPECT_THAT(results[1].status(), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(results[2].status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/empty: has 0 bytes")));
  EXPECT_THAT(results[3].status(), StatusIs(absl::StatusCode::kInvalidArgument));
  for (const size_t i : {0u, 4u, 5u, 6u}) {
    EXPECT_OK(results[i].status());
    EXPECT_EQ(fake_.FileBytes(files[i].path), files[i].bytes);
  }
  EXPECT_EQ(fake_.FileBytes("/taken"), "old");
  EXPECT_TRUE(fs_->WriteSmall({}).empty());
}

TEST_F(SmallFilesTest, WhatBecameOfAMessageIsSettledForAllOfItsFilesSideBySide) {
  fake_.GatherResolves(8);
  fake_.ScriptFrames([left = 1](uint32_t) mutable {
    return left-- > 0 ? FrameAction::kTakeAndBreak : FrameAction::kAck;
  });
  ExpectAllThere(Some(40, 100));
  EXPECT_GE(fake_.most_resolves(), 8);
}

TEST_F(SmallFilesTest, EachIsRightWhateverBecomesOfTheMessage) {
  for (const FrameAction failure : {FrameAction::kTakeAndBreak, FrameAction::kBreak,
                                    FrameAction::kBlameOther, FrameAction::kForget}) {
    SCOPED_TRACE(static_cast<int>(failure));
    fake_.ScriptFrames(
        [failure, left = 1](uint32_t) mutable { return left-- > 0 ? failure : FrameAction::kAck; });
    ExpectAllThere(Some(20, 100 + static_cast<size_t>(failure)));
  }
}

TEST_F(SmallFilesTest, LostAnswersOfTheMasterHaveTheEffectOfOne) {
  fake_.ScriptLostAnswers([random = Random(random_())]() mutable { return random() % 20 == 0; });
  ExpectAllThere(Some(30, 500));
  EXPECT_EQ(fake_.file_count(), 30);
}

TEST_F(SmallFilesTest, NoFileIsLeftWhenEveryChunkFails) {
  fake_.ScriptFrames([](uint32_t) { return FrameAction::kBreak; });
  for (const auto& result : fs_->WriteSmall(Some(3, 100))) {
    EXPECT_THAT(result.status(), StatusIs(absl::StatusCode::kUnavailable));
  }
  EXPECT_EQ(fake_.file_count(), 0);
  EXPECT_EQ(fake_.abandoned(), 3);
  EXPECT_EQ(fake_.abandoning_calls(), 1);
}

TEST_F(SmallFilesTest, DisksThatTakeTheirTimeMakeNoLinkSlow) {
  ExpectAllThere({{"/old", {}, "old"}});
  const double unknown = AwaitedBytes().bytes_per_second();
  EXPECT_GE(SpeedAfterALateAnswer(absl::Milliseconds(400), /*server_silence=*/absl::Seconds(30)),
            unknown);
  // Longer than one waits for a disk.
  EXPECT_LT(SpeedAfterALateAnswer(absl::Milliseconds(2'500), /*server_silence=*/absl::Seconds(4)),
            unknown);
}

TEST_F(SmallFilesTest, WhereThereIsNoRoomForAllEachTriesForItself) {
  fake_.SetRoomForFiles(1);
  ExpectAllThere(Some(20, 100));
}

TEST_F(SmallFilesTest, ThoseThatWaitForTheirCopiesWaitSideBySide) {
  fake_.SealApart();
  fake_.GatherCompletes(8);
  ExpectAllThere(Some(40, 100));
  EXPECT_GE(fake_.most_completes(), 8);
}

}  // namespace
}  // namespace quern::client
