#include "client/shell/file_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace quern::shell {
namespace {

using client::FileStatus;
using ::testing::HasSubstr;

FileStatus LogFile(uint64_t inode, uint64_t length, bool complete) {
  FileStatus file;
  file.path = "/log";
  file.inode = InodeId(inode);
  file.length = length;
  file.complete = complete;
  return file;
}

TEST(FileFollowerTest, WhatWasAppendedIsShownOnce) {
  FileFollower follower(LogFile(1, 10, false), 10);
  EXPECT_EQ(follower.Look(LogFile(1, 10, false)).length, 0u);
  FileFollower::Next next = follower.Look(LogFile(1, 30, false));
  EXPECT_EQ(next.offset, 10u);
  EXPECT_EQ(next.length, 20u);
  EXPECT_EQ(next.note, "");
  follower.Showed(15);
  // Reading broke off: the rest comes with the next look.
  next = follower.Look(LogFile(1, 30, false));
  EXPECT_EQ(next.offset, 25u);
  EXPECT_EQ(next.length, 5u);
  follower.Showed(5);
  EXPECT_EQ(follower.Look(LogFile(1, 30, false)).length, 0u);
}

TEST(FileFollowerTest, WhatCannotBeReadIsNotTriedWithoutAPause) {
  FileFollower follower(LogFile(1, 10, false), 10);
  EXPECT_EQ(follower.Look(LogFile(1, 30, false)).wait, absl::ZeroDuration());
  FileFollower::Next next = follower.Look(LogFile(1, 30, false));
  EXPECT_EQ(next.length, 20u);
  EXPECT_EQ(next.wait, absl::Seconds(1));
  EXPECT_EQ(follower.Look(LogFile(1, 30, false)).wait, absl::Seconds(2));
  follower.Showed(1);
  EXPECT_EQ(follower.Look(LogFile(1, 30, false)).wait, absl::ZeroDuration()) << "it can be read";
}

TEST(FileFollowerTest, LooksBecomeRareWhileNothingComes) {
  FileFollower follower(LogFile(1, 0, false), 0);
  EXPECT_EQ(follower.Look(LogFile(1, 0, false)).wait, absl::Seconds(1));
  EXPECT_EQ(follower.Look(LogFile(1, 0, false)).wait, absl::Seconds(2));
  EXPECT_EQ(follower.Look(LogFile(1, 0, false)).wait, absl::Seconds(4));
  EXPECT_EQ(follower.Look(LogFile(1, 0, false)).wait, absl::Seconds(5));
  EXPECT_EQ(follower.Look(LogFile(1, 0, false)).wait, absl::Seconds(5));
  EXPECT_EQ(follower.Look(LogFile(1, 9, false)).length, 9u);
  follower.Showed(9);
  EXPECT_EQ(follower.Look(LogFile(1, 9, false)).wait, absl::Seconds(1)) << "it grows again";
}

TEST(FileFollowerTest, OfACompleteFileItIsSaidOnceThatItGrowsNoMore) {
  FileFollower follower(LogFile(1, 10, true), 10);
  FileFollower::Next next = follower.Look(LogFile(1, 10, true));
  EXPECT_THAT(next.note, HasSubstr("/log: is complete and grows no more"));
  EXPECT_EQ(next.wait, absl::Seconds(5));
  EXPECT_EQ(follower.Look(LogFile(1, 10, true)).note, "");
}

TEST(FileFollowerTest, TheFileThatReplacesItIsShownFromItsBeginning) {
  FileFollower follower(LogFile(1, 10, true), 10);
  FileFollower::Next next = follower.Look(LogFile(2, 3, true));
  EXPECT_THAT(next.note, HasSubstr("/log: was replaced"));
  EXPECT_EQ(next.inode, InodeId(2));
  EXPECT_EQ(next.offset, 0u);
  EXPECT_EQ(next.length, 3u);
  EXPECT_EQ(next.wait, absl::ZeroDuration()) << "it may have been replaced again";
  follower.Showed(3);
  next = follower.Look(LogFile(2, 3, true));
  EXPECT_EQ(next.length, 0u);
  EXPECT_EQ(next.note, "");
  EXPECT_THAT(follower.Look(LogFile(3, 0, true)).note, HasSubstr("was replaced"));
}

TEST(FileFollowerTest, OneThatIsGoneOrNoFileAnyMoreEndsIt) {
  FileFollower follower(LogFile(1, 10, true), 10);
  EXPECT_THAT(follower.Look(NotFoundError("/log: no such file")).end,
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/log: was removed")));
  FileStatus directory = LogFile(2, 0, true);
  directory.type = client::FileType::kDirectory;
  EXPECT_THAT(follower.Look(directory).end,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a directory")));
  EXPECT_THAT(follower.Look(PermissionDeniedError("no")).end,
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(FileFollowerTest, WhileNobodyAnswersItIsWaitedAndToldOnce) {
  FileFollower follower(LogFile(1, 10, false), 10);
  FileFollower::Next next = follower.Look(UnavailableError("master 127.0.0.1:9400"));
  EXPECT_OK(next.end);
  EXPECT_THAT(next.note, HasSubstr("master 127.0.0.1:9400; it is tried again"));
  EXPECT_GT(next.wait, absl::ZeroDuration());
  EXPECT_EQ(follower.Look(UnavailableError("master 127.0.0.1:9400")).note, "");
  EXPECT_EQ(follower.Look(LogFile(1, 12, false)).length, 2u);
  EXPECT_NE(follower.Look(UnavailableError("master 127.0.0.1:9400")).note, "") << "anew";
}

}  // namespace
}  // namespace quern::shell
