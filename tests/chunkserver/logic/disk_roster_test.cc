#include "chunkserver/logic/disk_roster.h"

#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DiskRosterTest, AFirstStartMayFormatEverything) {
  const DiskRoster roster;
  EXPECT_OK(roster.MayFormat("/a", ""));
  EXPECT_OK(roster.MayFormat("/b", ""));
}

TEST(DiskRosterTest, AnEmptyDirectoryIsNoNewDiskWhileAKnownOneIsMissing) {
  DiskRoster roster;
  const KnownDisk known[] = {{"one", "/a"}, {"two", "/b"}};
  roster.Merge(known);
  roster.Present("one", "/a");
  ASSERT_EQ(roster.Missing().size(), 1u);
  EXPECT_EQ(roster.Missing()[0].uuid, "two");
  EXPECT_THAT(roster.MayFormat("/b", ""),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--forget_disks two")));
  EXPECT_FALSE(roster.MayFormat("/c", "").ok()) << "it may be mounted elsewhere from now on";
  roster.Present("two", "/c");
  EXPECT_OK(roster.MayFormat("/b", "")) << "it has moved";
  EXPECT_EQ(roster.disks()[1].path, "/c");
}

TEST(DiskRosterTest, ANoteBesideTheDirectoryCountsLikeTheRosterOfAnotherDisk) {
  const DiskRoster roster;
  EXPECT_THAT(roster.MayFormat("/a", "one"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("one")));
  EXPECT_OK(DiskRoster({"one"}).MayFormat("/a", "one"));
  DiskRoster moved;
  moved.Present("one", "/b");
  EXPECT_OK(moved.MayFormat("/a", "one"));
}

TEST(DiskRosterTest, WhatIsForgottenStaysForgottenUntilItIsThere) {
  DiskRoster first({"two"});
  const KnownDisk known[] = {{"one", "/a"}, {"two", "/b"}, {"three", "/c"}};
  first.Merge(known);
  first.Present("one", "/a");
  first.Present("three", "/c");
  EXPECT_THAT(first.Missing(), IsEmpty());
  EXPECT_OK(first.MayFormat("/b", "two"));
  // Without the flag, and with a disk that was away when it was given.
  DiskRoster second;
  second.Merge(known);
  second.Merge(first.disks());
  second.Merge(known);
  second.Present("one", "/a");
  second.Present("three", "/c");
  EXPECT_THAT(second.Missing(), IsEmpty());
  second.Present("two", "/b");
  EXPECT_EQ(second.disks()[2], (KnownDisk{"two", "/b", false}));
  // A flag that was left in the configuration forgets no disk that is there.
  DiskRoster third({"two"});
  third.Present("two", "/b");
  EXPECT_FALSE(third.disks()[0].forgotten);
}

TEST(DiskRosterTest, ABrokenDiskIsAtItsPlaceAndStaysForgotten) {
  DiskRoster roster({"two"});
  const KnownDisk known[] = {{"one", "/a"}, {"two", "/b"}, {"three", "/c"}};
  roster.Merge(known);
  roster.Present("one", "/a");
  roster.Located("two", "/b");
  roster.Located("three", "/c");
  EXPECT_THAT(roster.Missing(), IsEmpty());
  EXPECT_OK(roster.MayFormat("/d", "")) << "its replacement beside it";
  EXPECT_TRUE(roster.IsForgotten("two"));
  EXPECT_FALSE(roster.IsForgotten("three"));
  EXPECT_FALSE(roster.IsForgotten("four"));
  roster.Located("of another server", "/d");
  EXPECT_EQ(roster.disks().size(), 3u) << "nobody here misses it later";
}

}  // namespace
}  // namespace quern::chunkserver
