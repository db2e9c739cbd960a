#include "mapreduce/coordinator/logic/fair_share.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using testing::ElementsAre;

TEST(FairShare, RunsTheJobsOfOneUserInTheirOrder) {
  FairShare share;
  share.AddJob(JobKey(2), "ada");
  share.AddJob(JobKey(1), "ada");
  for (int i = 0; i < 5; ++i) share.Started(JobKey(1));
  EXPECT_THAT(share.Order(), ElementsAre(JobKey(1), JobKey(2)));
}

TEST(FairShare, PrefersTheUserWithTheFewestRunningAttempts) {
  FairShare share;
  share.AddJob(JobKey(1), "ada");
  share.AddJob(JobKey(2), "ada");
  share.AddJob(JobKey(3), "bob");
  share.Started(JobKey(1));
  EXPECT_THAT(share.Order(), ElementsAre(JobKey(3), JobKey(1), JobKey(2)));
  share.Started(JobKey(3));
  share.Started(JobKey(3));
  EXPECT_THAT(share.Order(), ElementsAre(JobKey(1), JobKey(2), JobKey(3)));
  share.Stopped(JobKey(3));
  EXPECT_THAT(share.Order(), ElementsAre(JobKey(1), JobKey(2), JobKey(3))) << "the older job wins";
}

TEST(FairShare, ForgetsWhatARemovedJobRan) {
  FairShare share;
  share.AddJob(JobKey(1), "ada");
  share.AddJob(JobKey(2), "ada");
  share.AddJob(JobKey(3), "bob");
  share.Started(JobKey(1));
  share.RemoveJob(JobKey(1));
  share.Stopped(JobKey(1));
  EXPECT_THAT(share.Order(), ElementsAre(JobKey(2), JobKey(3)));
}

}  // namespace
}  // namespace quern::mr
