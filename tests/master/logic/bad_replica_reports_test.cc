#include "master/logic/bad_replica_reports.h"

#include <gtest/gtest.h>

namespace quern::master {
namespace {

constexpr ChunkId kChunk(1);
constexpr ServerId kServer(1);

class BadReplicaReportsTest : public ::testing::Test {
 protected:
  BadReplicaReports reports_{{.max_per_reporter = 3,
                              .window = absl::Minutes(1),
                              .max_per_server = 2,
                              .trust = absl::Minutes(10),
                              .max_remembered = 4}};
  absl::Time now_ = absl::UnixEpoch();
};

TEST_F(BadReplicaReportsTest, AReplicaIsVerifiedOnceAtATimeAndThenTrustedForAWhile) {
  EXPECT_TRUE(reports_.Begin("a", kChunk, kServer, now_));
  EXPECT_FALSE(reports_.Begin("b", kChunk, kServer, now_)) << "it is under way";
  reports_.Ended(kChunk, kServer, true, now_);
  EXPECT_FALSE(reports_.Begin("b", kChunk, kServer, now_ + absl::Minutes(9)));
  EXPECT_TRUE(reports_.Begin("b", kChunk, kServer, now_ + absl::Minutes(10)));
  reports_.Ended(kChunk, kServer, false, now_);
  EXPECT_FALSE(reports_.Begin("b", kChunk, kServer, now_))
      << "it would fail as fast as it is asked";
  EXPECT_TRUE(reports_.Begin("b", kChunk, kServer, now_ + absl::Seconds(30)))
      << "nobody said that it was good";
}

TEST_F(BadReplicaReportsTest, AServerVerifiesFewAtATime) {
  EXPECT_TRUE(reports_.Begin("a", ChunkId(1), kServer, now_));
  EXPECT_TRUE(reports_.Begin("a", ChunkId(2), kServer, now_));
  EXPECT_FALSE(reports_.Begin("a", ChunkId(3), kServer, now_));
  EXPECT_TRUE(reports_.Begin("a", ChunkId(3), ServerId(2), now_));
  reports_.Ended(ChunkId(1), kServer, true, now_);
  reports_.Ended(ChunkId(1), kServer, true, now_);  // told twice
  EXPECT_TRUE(reports_.Begin("b", ChunkId(4), kServer, now_));
  EXPECT_FALSE(reports_.Begin("b", ChunkId(5), kServer, now_));
}

TEST_F(BadReplicaReportsTest, AReporterIsHeardALimitedNumberOfTimes) {
  for (uint32_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(reports_.Begin("a", kChunk, ServerId(i), now_));
    reports_.Ended(kChunk, ServerId(i), false, now_);
  }
  EXPECT_FALSE(reports_.Begin("a", kChunk, ServerId(4), now_ + absl::Seconds(59)));
  EXPECT_TRUE(reports_.Begin("b", kChunk, ServerId(4), now_)) << "another one";
  EXPECT_TRUE(reports_.Begin("a", kChunk, ServerId(5), now_ + absl::Minutes(1)));
}

TEST_F(BadReplicaReportsTest, RemembersALimitedNumber) {
  for (uint32_t i = 1; i <= 4; ++i) {
    EXPECT_TRUE(reports_.Begin(std::to_string(i), kChunk, ServerId(i), now_));
    reports_.Ended(kChunk, ServerId(i), true, now_);
  }
  EXPECT_FALSE(reports_.Begin("5", kChunk, ServerId(5), now_));
  EXPECT_TRUE(reports_.Begin("5", kChunk, ServerId(5), now_ + absl::Minutes(10)));
}

}  // namespace
}  // namespace quern::master
