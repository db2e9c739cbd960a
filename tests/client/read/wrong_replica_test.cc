// Replicas that are not what the log has sealed, although every message of them is right in itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "client/file_system.h"
#include "common/notification.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/jumping_clock.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::client {
namespace {

using ::quern::testing::FakeDfs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ReadFault = FakeDfs::ReadFault;

class WrongReplicaTest : public RandomTest {
 protected:
  void SetUp() override { Connect(absl::Seconds(30)); }
  void Connect(absl::Duration master_timeout, Clock* clock = Clock::Real(),
               absl::Duration chunk_patience = absl::InfiniteDuration()) {
    fs_ = FileSystem::Create({.masters = {fake_.master_address()},
                              .user = "alice",
                              .group = "staff",
                              .node = "here",
                              .master_timeout = master_timeout,
                              .chunk_patience = chunk_patience,
                              .clock = clock});
  }
  void Write(const std::string& path, std::string_view bytes) {
    ASSERT_OK_AND_ASSIGN(const auto writer, fs_->Create(path));
    ASSERT_OK(writer->Append(bytes));
    ASSERT_OK(writer->Close());
  }
  std::string WriteRandom(const std::string& path, size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random_());
    Write(path, text);
    return text;
  }
  // What came before the error, if there is one, is in `got_`.
  absl::StatusOr<std::string> Read(const std::string& path) {
    got_.clear();
    ASSIGN_OR_RETURN(const auto reader, fs_->Open(path));
    const auto stream = reader->Stream(0, reader->status().length);
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view more, stream->Next());
      if (more.empty()) return got_;
      got_ += more;
    }
  }

  FakeDfs fake_{{.servers = 3, .chunk_size = 64 << 10}};
  JumpingClock clock_;  // of those who are connected with it
  std::unique_ptr<FileSystem> fs_;
  std::string got_;
};

TEST_F(WrongReplicaTest, AChunkOfOneMessageIsReadFromTheNext) {
  const std::string text = WriteRandom("/f", 5'000);
  fake_.SetReadFault(1, ReadFault::kOtherFirstByte);
  ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
  EXPECT_TRUE(back == text);
  EXPECT_THAT(fake_.reported_bad(), AllOf(Contains(1u), Each(1u)));
}

TEST_F(WrongReplicaTest, WhatHasNotBeenGivenOutYetIsReadFromTheNext) {
  const std::string text = WriteRandom("/f", 300'000);
  fake_.SetReadFault(1, ReadFault::kOtherLastByte);
  fake_.SetReadFault(2, ReadFault::kOtherLastByte);
  ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
  EXPECT_TRUE(back == text);
  EXPECT_THAT(fake_.reported_bad(), AllOf(Contains(1u), Contains(2u)));
  EXPECT_THAT(fake_.reported_bad(), Not(Contains(3u)));
}

TEST_F(WrongReplicaTest, WhatWasGivenOutAndIsWrongIsAnErrorAndTheNextReaderGetsItRight) {
  const std::string text = WriteRandom("/f", 60'000);
  fake_.SetReadFault(1, ReadFault::kOtherFirstByte);
  EXPECT_THAT(Read("/f"), StatusIs(absl::StatusCode::kDataLoss,
                                   AllOf(HasSubstr("/f: chunk 0x"), HasSubstr("from cs1 was wrong"),
                                         HasSubstr("cs2 has it right"))));
  EXPECT_LT(got_.size(), text.size()) << "never a whole file that is wrong";
  EXPECT_THAT(fake_.reported_bad(), AllOf(Contains(1u), Each(1u)));
  ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
  EXPECT_TRUE(back == text);
}

TEST_F(WrongReplicaTest, OneThatIsWrongSaysNothingOfWhatWasGivenOut) {
  const std::string text = WriteRandom("/f", 60'000);
  fake_.SetReadFault(1, ReadFault::kOtherLastByte);
  fake_.SetReadFault(2, ReadFault::kOtherFirstByte);
  ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
  EXPECT_TRUE(back == text);
  EXPECT_THAT(fake_.reported_bad(), AllOf(Contains(1u), Contains(2u)));
}

// None becomes right by being read again: that is not done as long as servers are waited for.
TEST_F(WrongReplicaTest, WhenAllAreWrongTheErrorNamesFileChunkAndServers) {
  for (const size_t size : {5'000, 60'000}) {
    SCOPED_TRACE(size);
    const std::string path = fmt::format("/f{}", size);
    WriteRandom(path, size);
    for (const uint32_t id : {1, 2, 3}) fake_.SetReadFault(id, ReadFault::kOtherLastByte);
    int look_ups = 0;
    fake_.ScriptLookUps([&look_ups] {
      ++look_ups;
      return true;
    });
    EXPECT_THAT(Read(path),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr(path + ": chunk 0x"), HasSubstr("(cs1, cs2, cs3)"),
                               HasSubstr("the whole chunk reads with crc"))));
    fake_.ScriptLookUps(nullptr);
    EXPECT_EQ(look_ups, 2) << "when it is opened, and once more";
    EXPECT_LT(got_.size(), size);
    EXPECT_THAT(fake_.reported_bad(), AllOf(Contains(1u), Contains(2u), Contains(3u)));
    for (const uint32_t id : {1, 2, 3}) fake_.SetReadFault(id, ReadFault::kNone);
  }
}

TEST_F(WrongReplicaTest, WhereOthersAreWrongOneThatIsAwayIsWaitedFor) {
  const std::string text = WriteRandom("/f", 5'000);
  for (const uint32_t id : {1, 2}) fake_.SetReadFault(id, ReadFault::kOtherLastByte);
  fake_.SetReadFault(3, ReadFault::kNotFound);
  Notification in_fourth_round;
  fake_.ScriptLookUps([&in_fourth_round, calls = 0]() mutable {
    if (++calls == 4) in_fourth_round.Notify();
    return true;
  });
  absl::StatusOr<std::string> back;
  std::jthread reader([&] {
    back = Read("/f");
    in_fourth_round.Notify();  // should it have ended before
  });
  in_fourth_round.Wait();
  fake_.SetReadFault(3, ReadFault::kNone);
  reader.join();
  fake_.ScriptLookUps(nullptr);
  ASSERT_OK(back);
  EXPECT_TRUE(*back == text);
}

TEST_F(WrongReplicaTest, AServerWithoutOneReplicaIsAvoidedForThisOneOnly) {
  const std::string lost = WriteRandom("/lost", 5'000);
  const std::string other = WriteRandom("/other", 5'000);
  fake_.SetReadFault(1, ReadFault::kNotFound);
  ASSERT_OK_AND_ASSIGN(std::string back, Read("/lost"));
  EXPECT_TRUE(back == lost);
  // Who is read from now on is seen by whom the reader complains about.
  fake_.SetReadFault(1, ReadFault::kWrongByte);
  ASSERT_OK_AND_ASSIGN(back, Read("/lost"));
  EXPECT_TRUE(back == lost);
  EXPECT_TRUE(fake_.reported_bad().empty()) << "it was not asked for this one again";
  WriteRandom("/new", 5'000);
  EXPECT_TRUE(fake_.excluded_servers().empty()) << "writers may use it";
  ASSERT_OK_AND_ASSIGN(back, Read("/other"));
  EXPECT_TRUE(back == other);
  EXPECT_THAT(fake_.reported_bad(), Contains(1u)) << "it was asked for the other one";
}

TEST_F(WrongReplicaTest, OneThatIsShorterSaysNothingOfItsServer) {
  const std::string text = WriteRandom("/f", 25'000);
  for (const ReadFault fault : {ReadFault::kEmpty, ReadFault::kShort}) {
    SCOPED_TRACE(static_cast<int>(fault));
    SetUp();  // nobody is suspected
    fake_.SetReadFault(1, fault);
    ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
    EXPECT_TRUE(back == text);
    WriteRandom(fmt::format("/new{}", static_cast<int>(fault)), 5'000);
    EXPECT_TRUE(fake_.excluded_servers().empty()) << "writers may use it";
    EXPECT_TRUE(fake_.reported_bad().empty());
  }
}

TEST_F(WrongReplicaTest, WhenAllAreShorterItMayBeTriedAgain) {
  WriteRandom("/f", 25'000);
  Connect(absl::Seconds(3), &clock_);
  const absl::Time began = clock_.MonotonicNow();
  for (const uint32_t id : {1, 2}) fake_.SetReadFault(id, ReadFault::kShort);
  fake_.SetReadFault(3, ReadFault::kEmpty);
  EXPECT_THAT(Read("/f"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("may be read")));
  EXPECT_GT(clock_.MonotonicNow() - began, absl::Seconds(2)) << "all were given the time to get it";
  EXPECT_LE(clock_.MonotonicNow() - began, absl::Seconds(3));
}

// The master may be away for much longer.
TEST_F(WrongReplicaTest, AChunkThatNobodyHasIsWaitedForAsLongAsTheReaderWantsTo) {
  WriteRandom("/f", 25'000);
  Connect(absl::Minutes(10), &clock_, /*chunk_patience=*/absl::Seconds(20));
  for (const uint32_t id : {1, 2, 3}) fake_.SetReadFault(id, ReadFault::kNotFound);
  const absl::Time began = clock_.MonotonicNow();
  EXPECT_THAT(Read("/f"), StatusIs(absl::StatusCode::kUnavailable,
                                   AllOf(HasSubstr("/f: chunk 0x"), HasSubstr("can be read"))));
  EXPECT_GT(clock_.MonotonicNow() - began, absl::Seconds(18));
  EXPECT_LE(clock_.MonotonicNow() - began, absl::Seconds(20));
}

// After a power cut the servers come when their master does.
TEST_F(WrongReplicaTest, ForWhatTheMasterWasAwayIsNoPatienceOfTheChunks) {
  WriteRandom("/f", 25'000);
  Connect(absl::Minutes(10), &clock_, /*chunk_patience=*/absl::Seconds(20));
  std::atomic<int> look_ups = 0;
  fake_.ScriptLookUps([&] {
    // The first one opens the file.
    if (++look_ups == 2) clock_.AdvanceTime(absl::Minutes(2));
    return true;
  });
  for (const uint32_t id : {1, 2, 3}) fake_.SetReadFault(id, ReadFault::kNotFound);
  const absl::Time began = clock_.MonotonicNow();
  EXPECT_THAT(Read("/f"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("can be read")));
  fake_.ScriptLookUps({});
  EXPECT_GT(clock_.MonotonicNow() - began, absl::Minutes(2) + absl::Seconds(18));
}

TEST_F(WrongReplicaTest, OneThatIsMissingIsNotFoundOutAheadOfItsTurnToTheServersCost) {
  const std::string text = WriteRandom("/f", 300'000);
  fake_.SetReadFault(1, ReadFault::kNotFound);
  ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
  EXPECT_TRUE(back == text);
  WriteRandom("/new", 5'000);
  EXPECT_TRUE(fake_.excluded_servers().empty());
}

}  // namespace
}  // namespace quern::client
