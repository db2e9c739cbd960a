// Files written and read through the library, against servers that fail in every scripted way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/file_system.h"
#include "common/crc32c.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/jumping_clock.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::client {
namespace {

using ::quern::testing::FakeDfs;
using ::quern::testing::FrameAction;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ReadFault = FakeDfs::ReadFault;

class FileTest : public RandomTest {
 protected:
  FileTest() { Connect(absl::Seconds(5)); }
  void Connect(absl::Duration master_timeout) {
    fs_ = FileSystem::Create({.masters = {fake_.master_address()},
                              .user = "alice",
                              .group = "staff",
                              .node = "here",
                              .master_timeout = master_timeout,
                              .clock = &clock_});
  }
  std::string RandomText(size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }
  absl::StatusOr<FileStatus> WriteFile(const std::string& path, std::string_view bytes) {
    ASSIGN_OR_RETURN(auto writer, fs_->Create(path));
    while (!bytes.empty()) {
      const size_t take = std::min<size_t>(bytes.size(), 1 + Below(100'000));
      RETURN_IF_ERROR(writer->Append(bytes.substr(0, take)));
      bytes.remove_prefix(take);
      if (OneIn(8)) RETURN_IF_ERROR(writer->Flush());
      if (OneIn(8)) RETURN_IF_ERROR(writer->Sync());
    }
    return writer->Close();
  }
  absl::StatusOr<std::string> ReadRange(const std::string& path, uint64_t offset, uint64_t length) {
    ASSIGN_OR_RETURN(const auto reader, fs_->Open(path));
    const auto stream = reader->Stream(offset, length);
    std::string bytes;
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view more, stream->Next());
      if (more.empty()) return bytes;
      bytes += more;
    }
  }

  FakeDfs fake_{{.servers = 3, .chunk_size = 64 << 10}};
  JumpingClock clock_;  // nobody is silent here: see silence_test.cc
  std::unique_ptr<FileSystem> fs_;
};

TEST_F(FileTest, WhatIsWrittenIsRead) {
  for (const size_t size : {0, 1, 65'535, 65'536, 65'537, 1'000'000}) {
    SCOPED_TRACE(size);
    const std::string path = fmt::format("/f{}", size);
    const std::string bytes = RandomText(size);
    ASSERT_OK(WriteFile(path, bytes));
    EXPECT_EQ(fake_.FileBytes(path), bytes);
    ASSERT_OK_AND_ASSIGN(const std::string back, ReadRange(path, 0, size + 1));
    EXPECT_EQ(back, bytes);
  }
}

TEST_F(FileTest, RangesAndPreadsGiveTheRightBytes) {
  const std::string bytes = RandomText(500'000);
  ASSERT_OK(WriteFile("/f", bytes));
  ASSERT_OK_AND_ASSIGN(const auto reader, fs_->Open("/f"));
  for (int i = 0; i < 20; ++i) {
    const uint64_t offset = Below(bytes.size() + 10);
    const uint64_t length = Below(200'000);
    const std::string want = offset < bytes.size() ? bytes.substr(offset, length) : "";
    ASSERT_OK_AND_ASSIGN(const std::string got, ReadRange("/f", offset, length));
    ASSERT_EQ(got, want) << offset << " + " << length;
    std::string small(1000, '\0');
    ASSERT_OK_AND_ASSIGN(const size_t n, reader->Pread(offset, small.size(), small.data()));
    ASSERT_EQ(small.substr(0, n), offset < bytes.size() ? bytes.substr(offset, 1000) : "");
  }
}

TEST_F(FileTest, WriterCountsLengthAndChecksum) {
  const std::string bytes = RandomText(200'000);
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f"));
  ASSERT_OK(writer->Append(bytes));
  EXPECT_EQ(writer->length(), bytes.size());
  EXPECT_EQ(writer->crc(), Crc32c(bytes));
  EXPECT_OK(writer->Close());
}

TEST_F(FileTest, ChunksAreFullUnlessSomethingFails) {
  ASSERT_OK(WriteFile("/f", RandomText(10 * (64 << 10))));
  EXPECT_EQ(fake_.chunk_count("/f"), 10);
}

TEST_F(FileTest, NoMoreRoomIsReservedThanTheFileNeeds) {
  ASSERT_OK_AND_ASSIGN(auto small, fs_->Create("/small"));
  ASSERT_OK(small->Append("0123456789"));
  ASSERT_OK(small->Close());
  EXPECT_THAT(fake_.expected_bytes(), ElementsAre(10))
      << "all of it was there before the chunk was";
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/two", {.expected_bytes = 100'000}));
  const std::string bytes = RandomText(100'000);
  ASSERT_OK(writer->Append(bytes));
  ASSERT_OK(writer->Close());
  EXPECT_EQ(fake_.FileBytes("/two"), bytes);
  EXPECT_THAT(fake_.expected_bytes(), ElementsAre(10, 100'000, 100'000 - (64 << 10)));
}

TEST_F(FileTest, ASmallFileIsMadeTogetherWithItsChunk) {
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f", {.expected_bytes = 3}));
  ASSERT_OK(writer->Append("abc"));
  ASSERT_OK(writer->Close());
  EXPECT_EQ(fake_.files_with_chunk(), 1);
  EXPECT_EQ(fake_.FileBytes("/f"), "abc");
  EXPECT_EQ(fake_.chunk_count("/f"), 1);
  EXPECT_THAT(fs_->Create("/f", {.expected_bytes = 3}).status(),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(FileTest, ASmallFileIsOneClosedChunkThatCompleteSeals) {
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f", {.expected_bytes = 3}));
  ASSERT_OK(writer->Append("abc"));
  ASSERT_OK(writer->Close());
  ASSERT_OK_AND_ASSIGN(auto unknown, fs_->Create("/unknown_length"));
  ASSERT_OK(unknown->Append("def"));
  ASSERT_OK(unknown->Close());
  EXPECT_EQ(fake_.seals_with_complete(), 2);
  // What was flushed before went another way.
  ASSERT_OK_AND_ASSIGN(auto flushed, fs_->Create("/g", {.expected_bytes = 3}));
  ASSERT_OK(flushed->Append("ab"));
  ASSERT_OK(flushed->Flush());
  ASSERT_OK(flushed->Append("c"));
  ASSERT_OK(flushed->Close());
  EXPECT_EQ(fake_.FileBytes("/g"), "abc");
  EXPECT_EQ(fake_.seals_with_complete(), 2);
}

TEST_F(FileTest, ASmallFileIsRightWhateverBecomesOfItsChunk) {
  for (const FrameAction failure :
       {FrameAction::kTakeAndBreak, FrameAction::kBreak, FrameAction::kBlameOther}) {
    for (const int failures : {1, 2}) {
      SCOPED_TRACE(fmt::format("{} {}", static_cast<int>(failure), failures));
      fake_.ScriptFrames([failure, left = failures](uint32_t) mutable {
        return left-- > 0 ? failure : FrameAction::kAck;
      });
      const std::string path = fmt::format("/f{}-{}", static_cast<int>(failure), failures);
      ASSERT_OK(WriteFile(path, "abc"));
      EXPECT_EQ(fake_.FileBytes(path), "abc");
    }
  }
}

TEST_F(FileTest, AFileMayTurnOutLongerOrShorterThanWasThought) {
  for (const size_t size : {0, 1, 9, 10, 11, 64 << 10, 200'000}) {
    SCOPED_TRACE(size);
    const std::string path = fmt::format("/f{}", size);
    const std::string bytes = RandomText(size);
    ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create(path, {.expected_bytes = 10}));
    ASSERT_OK(writer->Append(bytes));
    ASSERT_OK(writer->Close());
    EXPECT_EQ(fake_.FileBytes(path), bytes);
  }
}

TEST_F(FileTest, AFileWithoutCloseIsNeverSeen) {
  {
    ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f"));
    ASSERT_OK(writer->Append(RandomText(100'000)));
  }
  EXPECT_EQ(fake_.file_count(), 0);
  EXPECT_THAT(fs_->Open("/f"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(FileTest, EveryByteIsInTheFileOnceWhateverFails) {
  // kIgnore is left out: no time passes in which silence could be believed.
  static constexpr FrameAction kFailures[] = {FrameAction::kTake, FrameAction::kTakeAndBreak,
                                              FrameAction::kBreak, FrameAction::kBlameOther};
  fake_.ScriptFrames([random = Random(random_())](uint32_t) mutable {
    return random() % 6 == 0 ? kFailures[random() % 4] : FrameAction::kAck;
  });
  // kTake leaves a piece without an ack until the next one; Flush would wait for it in vain.
  const std::string bytes = RandomText(2'000'000);
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f"));
  for (size_t at = 0; at < bytes.size(); at += 50'000) {
    ASSERT_OK(writer->Append(std::string_view(bytes).substr(at, 50'000)));
  }
  ASSERT_OK(writer->Close());
  EXPECT_EQ(fake_.FileBytes("/f"), bytes);
  ASSERT_OK_AND_ASSIGN(const std::string back, ReadRange("/f", 0, bytes.size()));
  EXPECT_EQ(back, bytes);
}

TEST_F(FileTest, WhatAllServersForgetIsSentAgainAsLongAsNothingWasAcknowledged) {
  for (const size_t size : {100, 300'000}) {
    SCOPED_TRACE(size);
    const std::string path = fmt::format("/f{}", size);
    int frames = 0;
    fake_.ScriptFrames(
        [&](uint32_t) { return ++frames <= 3 ? FrameAction::kForget : FrameAction::kAck; });
    const std::string bytes = RandomText(size);
    ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create(path));
    ASSERT_OK(writer->Append(bytes));
    ASSERT_OK(writer->Close());
    EXPECT_EQ(fake_.FileBytes(path), bytes);
  }
}

TEST_F(FileTest, AcknowledgedBytesThatAllServersForgetAbortTheFile) {
  int frames = 0;
  fake_.ScriptFrames(
      [&](uint32_t) { return ++frames == 2 ? FrameAction::kForget : FrameAction::kAck; });
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f"));
  ASSERT_OK(writer->Append("abc"));
  ASSERT_OK(writer->Flush());
  ASSERT_OK(writer->Append("def"));
  EXPECT_THAT(writer->Close(),
              StatusIs(absl::StatusCode::kAborted,
                       AllOf(HasSubstr("/f"), HasSubstr("3 bytes"), HasSubstr("again"))));
  EXPECT_EQ(fake_.file_count(), 0);
}

// The master gives up a file that it hears nothing of, so it is told of each that is open.
TEST_F(FileTest, AFileIsRenewedAsLongAsItIsOpenHoweverLittleIsWritten) {
  ClientOptions options{.masters = {fake_.master_address()}};
  options.renew_writers = absl::Milliseconds(1);
  fs_ = FileSystem::Create(options);
  ASSERT_OK_AND_ASSIGN(auto idle, fs_->Create("/idle"));
  ASSERT_OK_AND_ASSIGN(auto small, fs_->Create("/small", {.expected_bytes = 6}));
  ASSERT_OK_AND_ASSIGN(auto flushed, fs_->Create("/flushed"));
  ASSERT_OK(small->Append("abc"));
  ASSERT_OK(flushed->Append("abc"));
  ASSERT_OK(flushed->Flush());
  for (const char* path : {"/idle", "/small", "/flushed"}) {
    EXPECT_GE(fake_.AwaitRenewals(path, 3), 3) << path;
  }
  ASSERT_OK(small->Append("def"));
  ASSERT_OK(small->Close());
  EXPECT_EQ(fake_.FileBytes("/small"), "abcdef");
  ASSERT_OK(flushed->Abandon());
  // A round that was under way may have told of them once more; the second from now has not.
  const int now = fake_.AwaitRenewals("/idle", fake_.AwaitRenewals("/idle", 0) + 2);
  const int small_renewals = fake_.AwaitRenewals("/small", 0);
  const int flushed_renewals = fake_.AwaitRenewals("/flushed", 0);
  EXPECT_GE(fake_.AwaitRenewals("/idle", now + 3), now + 3);
  EXPECT_EQ(fake_.AwaitRenewals("/small", 0), small_renewals);
  EXPECT_EQ(fake_.AwaitRenewals("/flushed", 0), flushed_renewals);
  ASSERT_OK(idle->Append("ghi"));
  ASSERT_OK(idle->Close());
  EXPECT_EQ(fake_.FileBytes("/idle"), "ghi");
}

TEST_F(FileTest, LostAnswersOfTheMasterHaveTheEffectOfOne) {
  fake_.ScriptLostAnswers([random = Random(random_())]() mutable { return random() % 2 == 0; });
  const std::string bytes = RandomText(300'000);
  ASSERT_OK(WriteFile("/f", bytes));
  EXPECT_EQ(fake_.FileBytes("/f"), bytes);
  EXPECT_EQ(fake_.chunk_count("/f"), 5);
}

TEST_F(FileTest, SyncAfterAForcedSealWaitsForCopies) {
  bool broken = false;
  fake_.ScriptFrames([&](uint32_t) {
    return std::exchange(broken, true) ? FrameAction::kAck : FrameAction::kTakeAndBreak;
  });
  fake_.SetNoCopies(true);
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f"));
  ASSERT_OK(writer->Append("abc"));
  EXPECT_THAT(writer->Sync(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/f")));
  fake_.SetNoCopies(false);
  ASSERT_OK(writer->Sync()) << "it is asked again";
  EXPECT_EQ(fake_.awaited_copies(), 2);
  ASSERT_OK(writer->Append("def"));
  ASSERT_OK(writer->Sync());
  EXPECT_EQ(fake_.awaited_copies(), 2) << "nothing was sealed by force since";
  ASSERT_OK(writer->Close());
  EXPECT_EQ(fake_.FileBytes("/f"), "abcdef");
}

TEST_F(FileTest, AWriterGivesUpWhenEveryChunkFails) {
  fake_.ScriptFrames([](uint32_t) { return FrameAction::kBreak; });
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f"));
  ASSERT_OK(writer->Append("abc"));
  const auto closed = writer->Close();
  EXPECT_THAT(closed, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/f")));
  EXPECT_EQ(fake_.file_count(), 0);
}

TEST_F(FileTest, ReadersGoOnWithTheNextReplica) {
  const std::string bytes = RandomText(300'000);
  ASSERT_OK(WriteFile("/f", bytes));
  fake_.SetReadFault(1, ReadFault::kWrongByte);
  fake_.SetReadFault(2, ReadFault::kBreakHalfWay);
  ASSERT_OK_AND_ASSIGN(const std::string back, ReadRange("/f", 0, bytes.size()));
  EXPECT_EQ(back, bytes);
  EXPECT_THAT(fake_.reported_bad(), Contains(1u));
}

TEST_F(FileTest, WithoutAGoodReplicaAReadFailsAndNamesTheFile) {
  Connect(absl::Milliseconds(300));
  ASSERT_OK(WriteFile("/f", RandomText(1000)));
  for (const uint32_t server : {1, 2, 3}) fake_.SetReadFault(server, ReadFault::kWrongByte);
  EXPECT_THAT(ReadRange("/f", 0, 1000), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("/f")));
}

TEST_F(FileTest, EveryReplicaCanBeCheckedAtItsServer) {
  ASSERT_OK(WriteFile("/f", RandomText(100'000)));
  fake_.SetReadFault(2, ReadFault::kWrongByte);
  const auto chunks = fs_->GetChunks("/f");
  ASSERT_OK(chunks.status());
  ASSERT_GT(chunks->size(), 1u);
  for (const ChunkInfo& chunk : *chunks) {
    ASSERT_EQ(chunk.replicas.size(), 3u);
    for (const ServerAddress& server : chunk.replicas) {
      const absl::Status status = fs_->CheckReplica(chunk, server);
      if (server.id.value() == 2) {
        EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, HasSubstr(server.address)));
      } else {
        EXPECT_OK(status);
      }
    }
  }
  EXPECT_THAT(fake_.reported_bad(), Contains(2u));
}

TEST(FileSystem, NoMasterIsAnErrorThatNamesItAndTheNextStep) {
  const auto fs =
      FileSystem::Create({.masters = {"127.0.0.1:1"}, .master_timeout = absl::Milliseconds(100)});
  EXPECT_THAT(fs->Stat("/"),
              StatusIs(absl::StatusCode::kUnavailable,
                       ::testing::AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("Try:"))));
}

TEST(FileSystem, TheNextMasterOfTheListIsAsked) {
  FakeDfs fake({.servers = 1});
  const auto fs = FileSystem::Create({.masters = {"127.0.0.1:1", fake.master_address()}});
  EXPECT_OK(fs->Create("/f"));
}

}  // namespace
}  // namespace quern::client
