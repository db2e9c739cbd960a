#include "mapreduce/task/progress_news.h"

#include <gtest/gtest.h>

namespace quern::mr {
namespace {

absl::Time At(int seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

TEST(ProgressNewsTest, OnlyNewsAreSentWhileUserCodeRuns) {
  ProgressNews news(absl::Minutes(1), absl::Minutes(11));
  EXPECT_TRUE(news.IsDue("a", false, At(0)));
  for (int second = 1; second < 1000; ++second) EXPECT_FALSE(news.IsDue("a", false, At(second)));
  EXPECT_TRUE(news.IsDue("b", false, At(1000)));
}

TEST(ProgressNewsTest, AWaitForTheFileSystemIsToldWellWithinTheTimeout) {
  for (const int timeout : {4, 60, 600}) {
    ProgressNews news(absl::Seconds(timeout), absl::Minutes(11));
    int last = 0;
    EXPECT_TRUE(news.IsDue("a", true, At(0)));
    for (int second = 1; second <= 660; ++second) {
      if (news.IsDue("a", true, At(second))) last = second;
      ASSERT_LE(second - last, timeout / 2) << timeout;
    }
  }
}

TEST(ProgressNewsTest, AWaitThatDoesNotEndIsAHang) {
  ProgressNews news(absl::Minutes(1), absl::Minutes(11));
  EXPECT_TRUE(news.IsDue("a", true, At(0)));
  EXPECT_TRUE(news.IsDue("a", true, At(660)));
  EXPECT_FALSE(news.IsDue("a", true, At(661)));
  EXPECT_TRUE(news.IsDue("b", true, At(700)));
  EXPECT_TRUE(news.IsDue("b", true, At(1000)));
}

// As long as its timeout lets it.
TEST(ProgressNewsTest, WhoComputedForLongBeforeMayWaitAsLong) {
  ProgressNews news(absl::Minutes(30), absl::Minutes(11));
  EXPECT_TRUE(news.IsDue("a", false, At(0)));
  for (int second = 1; second <= 1500; ++second) EXPECT_FALSE(news.IsDue("a", false, At(second)));
  int last = 0;
  for (int second = 1501; second <= 1860; ++second) {
    if (news.IsDue("a", true, At(second))) last = second;
  }
  EXPECT_GT(last, 1800);
}

TEST(ProgressNewsTest, AWaitThatBeginsShortlyBeforeTheTimeoutIsToldAtOnce) {
  ProgressNews news(absl::Minutes(1), absl::Minutes(11));
  EXPECT_TRUE(news.IsDue("a", false, At(0)));
  for (int second = 1; second <= 58; ++second) EXPECT_FALSE(news.IsDue("a", false, At(second)));
  EXPECT_TRUE(news.IsDue("a", true, At(59)));
}

// Each of its waits is short.
TEST(ProgressNewsTest, ALoopThatOnlyWaitsIsAHangInTheEnd) {
  ProgressNews news(absl::Minutes(1), absl::Minutes(11));
  EXPECT_TRUE(news.IsDue("a", false, At(0)));
  int last = 0;
  for (int second = 1; second <= 4000; ++second) {
    if (news.IsDue("a", second % 2 == 0, At(second))) last = second;
  }
  EXPECT_LT(last, 1400);
}

// A user's loop that reads now and then without getting anywhere is silent while it does not wait.
TEST(ProgressNewsTest, WhatComesAfterAWaitIsNotExcused) {
  ProgressNews news(absl::Minutes(1), absl::Minutes(11));
  EXPECT_TRUE(news.IsDue("a", true, At(0)));
  EXPECT_TRUE(news.IsDue("a", true, At(100)));
  EXPECT_FALSE(news.IsDue("a", false, At(200)));
}

}  // namespace
}  // namespace quern::mr
