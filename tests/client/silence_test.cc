// Servers that are slow, and servers that are silent: who is waited for, who is given up, and who
// is blamed. Time passes only where a test says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "client/file_system.h"
#include "common/notification.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/watched_clock.h"

namespace quern::client {
namespace {

using ::quern::testing::FakeDfs;
using ::quern::testing::FrameAction;
using ::testing::HasSubstr;
using ReadFault = FakeDfs::ReadFault;

// More than anybody waits for a server.
constexpr absl::Duration kForEver = absl::Minutes(3);

class SilenceTest : public RandomTest {
 protected:
  SilenceTest() { Connect(absl::Milliseconds(5)); }
  void Connect(absl::Duration server_silence) {
    fs_ = FileSystem::Create({.masters = {fake_.master_address()},
                              .user = "alice",
                              .group = "staff",
                              .node = "here",
                              .master_timeout = absl::Seconds(30),
                              .server_silence = server_silence,
                              .clock = &clock_});
  }
  std::string RandomText(size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }
  absl::StatusOr<FileStatus> WriteFile(const std::string& path, std::string_view bytes) {
    ASSIGN_OR_RETURN(auto writer, fs_->Create(path));
    RETURN_IF_ERROR(writer->Append(bytes));
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
  // The `nth` frame, or message of whole chunks, is met with `action` until its client gives up.
  void FallSilentAt(int nth, FrameAction action) {
    fake_.ScriptFrames([this, nth, action, frames = 0](uint32_t) mutable {
      if (++frames != nth) return FrameAction::kAck;
      clock_.AwaitNews();  // its stream is open: nothing is heard of it from now on
      clock_.PassWhileAwaited(kForEver);
      return action;
    });
  }

  WatchedClock clock_;
  FakeDfs fake_{{.servers = 3, .chunk_size = 64 << 10}};
  std::unique_ptr<FileSystem> fs_;
};

TEST_F(SilenceTest, ASmallFileGoesOnWithoutAServerThatIsSilent) {
  FallSilentAt(1, FrameAction::kTake);
  ASSERT_OK(WriteFile("/f", "abc"));
  EXPECT_EQ(fake_.FileBytes("/f"), "abc");
  EXPECT_EQ(fake_.chunk_count("/f"), 1) << "its bytes had arrived";
}

TEST_F(SilenceTest, AServerThatFallsSilentInAFileIsGivenUp) {
  FallSilentAt(3, FrameAction::kIgnore);
  const std::string bytes = RandomText(300'000);
  ASSERT_OK(WriteFile("/f", bytes));
  EXPECT_EQ(fake_.FileBytes("/f"), bytes);
  EXPECT_GE(fake_.most_resolves(), 1);
}

TEST_F(SilenceTest, AReaderGoesOnWithoutAServerThatIsSilent) {
  const std::string bytes = RandomText(25'000);
  ASSERT_OK(WriteFile("/f", bytes));
  fake_.SetReadFault(1, ReadFault::kSilent);
  int silent_reads = 0;
  fake_.ScriptLateReads([&] {
    ++silent_reads;
    clock_.PassWhileAwaited(kForEver);
  });
  ASSERT_OK_AND_ASSIGN(const std::string back, ReadRange("/f", 0, bytes.size()));
  EXPECT_EQ(back, bytes);
  EXPECT_EQ(silent_reads, 1);
}

// Its primary may be waiting for a server behind it, for longer than the client waits.
TEST_F(SilenceTest, ASilentChainIsNotTakenForASilentPrimaryBeforeItHappensAgain) {
  for (const size_t size : {size_t{3}, size_t{100'000}}) {
    for (const int chunks : {1, 2}) {
      SCOPED_TRACE(fmt::format("{} bytes, {} silent chunks", size, chunks));
      Connect(absl::Milliseconds(5));  // nobody is suspected
      const size_t before = fake_.excluded_servers().size();
      fake_.ScriptFrames([this, size, left = chunks](uint32_t) mutable {
        if (left-- <= 0) return FrameAction::kAck;
        if (size > 3) clock_.AwaitNews();  // its stream is open
        clock_.PassWhileAwaited(kForEver);
        return FrameAction::kIgnore;
      });
      const std::string path = fmt::format("/f{}-{}", size, chunks);
      const std::string bytes = RandomText(size);
      ASSERT_OK(WriteFile(path, bytes));
      EXPECT_EQ(fake_.FileBytes(path), bytes);
      EXPECT_EQ(fake_.excluded_servers().size() > before, chunks == 2);
    }
  }
}

// What comes over a slow link takes its time, and more of it than an answer without bytes.
TEST_F(SilenceTest, AServerIsNotSilentAsLongAsItsBytesMayBeUnderWay) {
  constexpr absl::Duration kLate = absl::Milliseconds(70);
  fake_.ScriptFrames([&](uint32_t) {
    clock_.PassAndBeSeen(kLate);
    return FrameAction::kAck;
  });
  const std::string bytes = RandomText(1'000'000);
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f", {.chunk_size = 1 << 20}));
  ASSERT_OK(writer->Append(bytes));
  ASSERT_OK(writer->Flush());
  ASSERT_OK(writer->Close());
  EXPECT_EQ(fake_.most_resolves(), 0) << "no chunk was given up";
  for (const uint32_t server : {1, 2, 3}) fake_.SetReadFault(server, ReadFault::kLate);
  int late_reads = 0;
  fake_.ScriptLateReads([&] {
    ++late_reads;
    clock_.PassAndBeSeen(kLate);
  });
  ASSERT_OK_AND_ASSIGN(const std::string back, ReadRange("/f", 0, bytes.size()));
  EXPECT_EQ(back, bytes);
  EXPECT_EQ(late_reads, 1) << "the first server was waited for";
  ASSERT_OK_AND_ASSIGN(const auto chunks, fs_->GetChunks("/f"));
  EXPECT_OK(fs_->CheckReplica(chunks[0], chunks[0].replicas[0]));
  fake_.ScriptFrames(nullptr);
  ASSERT_OK(WriteFile("/g", "abc"));
  EXPECT_TRUE(fake_.excluded_servers().empty()) << "nobody is suspected";
}

// The speed of a link is the time between answers, whatever wakes the sender in between.
TEST_F(SilenceTest, APieceThatIsAddedJustBeforeAnAnswerMakesNoLinkFast) {
  Notification almost;
  Notification added;
  fake_.ScriptFrames([&, frames = 0](uint32_t) mutable {
    clock_.AwaitNews();  // the answer before this one
    clock_.PassAndBeSeen(absl::Milliseconds(80));
    if (++frames == 1) {
      almost.Notify();
      added.Wait();
    }
    clock_.PassAndBeSeen(absl::Milliseconds(20));
    return FrameAction::kAck;
  });
  const std::string bytes = RandomText(3 << 20);
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f", {.chunk_size = 4 << 20}));
  ASSERT_OK(writer->Append(std::string_view(bytes).substr(0, 2 << 20)));
  almost.Wait();
  const absl::Status status = writer->Append(std::string_view(bytes).substr(2 << 20));
  added.Notify();
  ASSERT_OK(status);
  ASSERT_OK(writer->Flush());
  ASSERT_OK(writer->Close());
  EXPECT_EQ(fake_.most_resolves(), 0) << "no chunk was given up";
  EXPECT_EQ(fake_.FileBytes("/f"), bytes);
}

// They follow the last piece at once, and it is answered with them.
TEST_F(SilenceTest, ASealAndASyncMayTakeAsLongAsDisksAlsoRightBehindAPiece) {
  fake_.ScriptFrames([&](uint32_t) {
    clock_.AwaitNews();  // the writer wants more than the piece, and says so to its sender
    clock_.PassAndBeSeen(absl::Milliseconds(15));
    return FrameAction::kTake;
  });
  ASSERT_OK_AND_ASSIGN(auto writer, fs_->Create("/f"));
  ASSERT_OK(writer->Append("abc"));
  ASSERT_OK(writer->Sync());
  ASSERT_OK(writer->Append("def"));
  ASSERT_OK(writer->Close());
  EXPECT_EQ(fake_.most_resolves(), 0) << "no chunk was given up";
  EXPECT_EQ(fake_.FileBytes("/f"), "abcdef");
}

class SlowMasterTest : public SilenceTest {
 protected:
  // Reads the last 4 chunks of 10, while the master is asked where those after the first of them
  // are; it does what the script says.
  absl::StatusOr<std::string> ReadTail(std::function<bool()> look_up) {
    ASSIGN_OR_RETURN(auto writer, fs_->Create("/f", {.chunk_size = 1000}));
    RETURN_IF_ERROR(writer->Append(bytes_));
    RETURN_IF_ERROR(writer->Close().status());
    // The first one is the call that opens the file.
    fake_.ScriptLookUps(
        [calls = 0, look_up = std::move(look_up)]() mutable { return ++calls == 1 || look_up(); });
    return ReadRange("/f", 6'000, 4'000);
  }

  const std::string bytes_ = RandomText(10'000);
};

TEST_F(SlowMasterTest, AReaderBlamesNoServerForIt) {
  ASSERT_OK_AND_ASSIGN(const std::string back, ReadTail([this] {
                         clock_.AdvanceTime(absl::Milliseconds(700));
                         return true;
                       }));
  EXPECT_EQ(back, bytes_.substr(6'000));
  ASSERT_OK(WriteFile("/g", "abc"));
  EXPECT_TRUE(fake_.excluded_servers().empty()) << "nobody is suspected";
}

TEST_F(SlowMasterTest, AReaderAsksOnceAheadAndOnceWhenItHasTo) {
  int asked = 0;
  EXPECT_THAT(ReadTail([&] {
                ++asked;
                return false;
              }),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("/f")));
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace quern::client
