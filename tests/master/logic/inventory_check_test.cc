#include "master/logic/inventory_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/inventory_digest.h"
#include "tests/support/random_test.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kStart = absl::UnixEpoch();

InventoryDigests With(std::initializer_list<std::pair<uint32_t, uint64_t>> digests) {
  InventoryDigests all{};
  for (const auto& [bucket, digest] : digests) all[bucket] = digest;
  return all;
}

TEST(InventoryCheck, IsDueNowAndThen) {
  InventoryCheck check({.every = absl::Seconds(20)}, kStart);
  EXPECT_FALSE(check.Due(kStart + absl::Seconds(19)));
  EXPECT_TRUE(check.Due(kStart + absl::Seconds(25)));
  EXPECT_FALSE(check.Due(kStart + absl::Seconds(26)));
  EXPECT_TRUE(check.Due(kStart + absl::Seconds(45)));
}

TEST(InventoryCheck, ADifferenceIsListedWhenItIsSeenTwice) {
  InventoryCheck check({}, kStart);
  EXPECT_THAT(check.Compare(With({{3, 7}}), With({{3, 7}})), IsEmpty());
  EXPECT_THAT(check.Compare(With({{3, 7}, {9, 1}}), With({})), IsEmpty()) << "may be on its way";
  // Bucket 9 is as it was; in bucket 3 something else came, and the difference is still 7.
  EXPECT_THAT(check.Compare(With({{3, 7 ^ 64}, {9, 2}}), With({{3, 64}})), ElementsAre(3));
  EXPECT_THAT(check.Compare(With({{9, 2}}), With({})), ElementsAre(9)) << "the third time for it";
}

TEST(InventoryCheck, WhatAListingDoesNotEndIsListedAgainAfterAPause) {
  InventoryCheck check({.patience = 3}, kStart);
  const InventoryDigests told = With({{1, 5}});
  EXPECT_THAT(check.Compare(told, With({})), IsEmpty());
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(check.Compare(told, With({})), ElementsAre(1));
    EXPECT_THAT(check.Compare(told, With({})), IsEmpty());
    EXPECT_THAT(check.Compare(told, With({})), IsEmpty());
  }
  EXPECT_THAT(check.Compare(With({}), With({})), IsEmpty());
  EXPECT_THAT(check.Compare(told, With({})), IsEmpty()) << "a new one";
  EXPECT_THAT(check.Compare(told, With({})), ElementsAre(1));
}

TEST(InventoryCheck, ListsFewAtATimeAndAllInTheEnd) {
  InventoryCheck check({.max_buckets = 8, .patience = 30}, kStart);
  InventoryDigests told{};
  for (uint32_t bucket = 0; bucket < 100; ++bucket) told[bucket] = bucket + 1;
  EXPECT_THAT(check.Compare(told, With({})), IsEmpty());
  std::set<uint32_t> listed;
  for (int round = 0; round < 13; ++round) {
    const std::vector<uint32_t> buckets = check.Compare(told, With({}));
    EXPECT_LE(buckets.size(), 8u);
    listed.insert(buckets.begin(), buckets.end());
  }
  EXPECT_EQ(listed.size(), 100u);
}

TEST(InventoryCheck, TakesDigestsOfAnyNumber) {
  InventoryCheck check({}, kStart);
  const std::vector<uint64_t> few = {1, 2};
  EXPECT_THAT(check.Compare(few, With({})), IsEmpty());
  EXPECT_THAT(check.Compare(few, With({})), ElementsAre(0, 1));
  EXPECT_THAT(check.Compare({}, With({})), IsEmpty());
}

class InventoryCheckWalk : public RandomTest {};

// A server whose replicas come and go, a table that follows, sometimes a little late, and now and
// then goes wrong by one replica for good. Nothing but that is ever listed for long.
TEST_F(InventoryCheckWalk, FindsWhatIsWrongAmongWhatIsLate) {
  for (int run = 0; run < 20; ++run) {
    InventoryCheck check({}, kStart);
    InventoryDigests here{};
    InventoryDigests table{};
    const uint32_t wrong = static_cast<uint32_t>(Below(kInventoryBuckets));
    table[wrong] ^= random_() | 1;  // a replica that is not there
    int rounds = 0;
    for (bool found = false; !found && rounds < 20; ++rounds) {
      for (int change = 0; change < 2000; ++change) {
        const auto bucket = static_cast<uint32_t>(Below(kInventoryBuckets));
        const uint64_t hash = random_();
        here[bucket] ^= hash;
        table[bucket] ^= hash;
      }
      InventoryDigests late = table;
      for (int i = 0; i < 50; ++i) late[Below(kInventoryBuckets)] ^= random_();
      const std::vector<uint32_t> buckets = check.Compare(here, late);
      for (const uint32_t bucket : buckets) {
        EXPECT_EQ(bucket, wrong);
        found = true;
      }
    }
    EXPECT_LE(rounds, 12) << "the news of a bucket is late once in twenty times";
  }
}

}  // namespace
}  // namespace quern::master
