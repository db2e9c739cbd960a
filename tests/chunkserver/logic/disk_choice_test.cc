#include "chunkserver/logic/disk_choice.h"

#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;

TEST(DiskChoiceTest, TakesTheSoundDiskWithMostRoom) {
  const DiskRoom disks[] = {{.path = "/a", .free_bytes = 500},
                            {.path = "/b", .free_bytes = 900, .failed = true},
                            {.path = "/c", .free_bytes = 700}};
  EXPECT_EQ(ChooseDisk(disks, 100).value(), 2u);
}

TEST(DiskChoiceTest, SpreadsOverDirectoriesOfOneFileSystem) {
  const DiskRoom disks[] = {{.path = "/a", .free_bytes = 1000, .used_bytes = 70},
                            {.path = "/b", .free_bytes = 995, .used_bytes = 30},
                            {.path = "/c", .free_bytes = 900, .used_bytes = 0}};
  EXPECT_EQ(ChooseDisk(disks, 100).value(), 1u);
}

TEST(DiskChoiceTest, KeepsTheReserve) {
  const DiskRoom disk{.path = "/a", .free_bytes = 100, .reserve_bytes = 40};
  EXPECT_THAT(ChooseDisk({&disk, 1}, 60), IsOk());
  EXPECT_THAT(ChooseDisk({&disk, 1}, 61),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/a: 100 bytes free")));
  EXPECT_THAT(ChooseDisk({&disk, 1}, 101), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(DiskChoiceTest, SaysSoWhenEveryDiskHasFailed) {
  const DiskRoom disk{.path = "/a", .free_bytes = 100, .failed = true};
  EXPECT_THAT(ChooseDisk({&disk, 1}, 1), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(ChooseDisk({}, 1), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(DiskChoiceTest, ReservesLittleOnASmallDisk) {
  EXPECT_EQ(DefaultReserve(uint64_t{64} << 20), (uint64_t{64} << 20) / 100);
  EXPECT_EQ(DefaultReserve(uint64_t{10} << 40), uint64_t{1} << 30);
}

}  // namespace
}  // namespace quern::chunkserver
