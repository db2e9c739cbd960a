#include "mapreduce/coordinator/logic/log_follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Worker = LogFollow::Worker;

class LogFollowTest : public testing::Test {
 protected:
  static AttemptRef Map(uint32_t task, uint32_t number = 0) {
    return {JobKey(1), TaskKind::kMap, task, number};
  }
  void Set(const AttemptRef& attempt, bool runs, Worker worker = Worker::kThere) {
    standings_[attempt] = {runs, worker};
  }
  // "m0@12" for each stream to be opened, "m0." for an end, "m0: why" for one with a loss.
  std::vector<std::string> Look() {
    const LogFollow::Steps steps =
        follow_.Look([this](const AttemptRef& ref) { return standings_.at(ref); }, now_);
    std::vector<std::string> all;
    for (const LogFollow::Open& open : steps.open) {
      all.push_back(fmt::format("m{}@{}", open.attempt.task, open.offset));
    }
    for (const LogFollow::End& end : steps.ended) {
      all.push_back(
          fmt::format("m{}{}", end.attempt.task, end.missing.empty() ? "." : ": " + end.missing));
    }
    return all;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'000);
  LogFollow follow_{{.max_open = 2, .pause = absl::Seconds(1), .max_failures = 3}};
  std::map<AttemptRef, LogFollow::Standing> standings_;
};

TEST_F(LogFollowTest, AnAttemptIsFollowedUntilItsWorkerHasSentEverything) {
  Set(Map(0), true);
  follow_.Add(Map(0));
  EXPECT_THAT(Look(), ElementsAre("m0@0"));
  EXPECT_THAT(Look(), IsEmpty()) << "it is open";
  Set(Map(0), false);
  EXPECT_THAT(Look(), IsEmpty()) << "what it printed last is on its way";
  follow_.Received(Map(0), 5, false);
  follow_.Finished(Map(0), absl::OkStatus(), now_);
  EXPECT_THAT(Look(), ElementsAre("m0."));
  EXPECT_TRUE(follow_.done());
}

TEST_F(LogFollowTest, ABrokenStreamGoesOnWhereItStopped) {
  Set(Map(0), true);
  follow_.Add(Map(0), 7);
  EXPECT_THAT(Look(), ElementsAre("m0@7"));
  follow_.Received(Map(0), 5, false);
  follow_.Finished(Map(0), UnavailableError("connection reset"), now_);
  EXPECT_THAT(Look(), IsEmpty()) << "after a pause";
  EXPECT_EQ(follow_.NextLook(), now_ + absl::Seconds(1));
  now_ += absl::Seconds(1);
  EXPECT_THAT(Look(), ElementsAre("m0@12"));
  follow_.Received(Map(0), 3, /*restarted=*/true);
  follow_.Finished(Map(0), UnavailableError("connection reset"), now_);
  now_ += absl::Seconds(1);
  EXPECT_THAT(Look(), ElementsAre("m0@3")) << "of the log that was begun anew";
}

TEST_F(LogFollowTest, AWorkerThatMayComeBackIsWaitedForAndALostOneIsNot) {
  Set(Map(0), true);
  follow_.Add(Map(0));
  Look();
  follow_.Finished(Map(0), UnavailableError("connection reset"), now_);
  Set(Map(0), true, Worker::kAway);
  now_ += absl::Seconds(1);
  EXPECT_THAT(Look(), IsEmpty());
  EXPECT_EQ(follow_.NextLook(), now_ + absl::Seconds(1)) << "and is not asked for in a circle";
  Set(Map(0), false, Worker::kAway);
  now_ += absl::Seconds(1);
  EXPECT_THAT(Look(), IsEmpty()) << "it may have the rest of the log";
  Set(Map(0), false, Worker::kGone);
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("m0: its worker is gone")));
  EXPECT_TRUE(follow_.done());
}

TEST_F(LogFollowTest, AStreamFromALostWorkerIsNotWaitedFor) {
  Set(Map(0), true);
  follow_.Add(Map(0));
  Look();
  Set(Map(0), false, Worker::kGone);
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("m0: its worker is gone")));
  follow_.Finished(Map(0), absl::OkStatus(), now_);
  EXPECT_THAT(Look(), IsEmpty()) << "it ends once";
}

TEST_F(LogFollowTest, NoLogIsNoLossWhenTheAttemptHadEnded) {
  Set(Map(0), true);
  follow_.Add(Map(0));
  Look();
  // Asked before the worker had heard of it.
  follow_.Finished(Map(0), NotFoundError("no log"), now_);
  Set(Map(0), false);
  now_ += absl::Seconds(1);
  EXPECT_THAT(Look(), ElementsAre("m0@0")) << "it may have printed something since";
  follow_.Finished(Map(0), NotFoundError("no log"), now_);
  EXPECT_THAT(Look(), ElementsAre("m0."));
}

TEST_F(LogFollowTest, AnEndedAttemptIsTriedSoOftenAndARunningOneWithoutEnd) {
  Set(Map(0), true);
  follow_.Add(Map(0));
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(Look(), ElementsAre("m0@0"));
    follow_.Finished(Map(0), DataLossError("bad disk"), now_);
    now_ += absl::Seconds(1);
  }
  Set(Map(0), false);
  EXPECT_THAT(Look(), ElementsAre(HasSubstr("m0: the rest of its log cannot be had: bad disk")));
}

TEST_F(LogFollowTest, BytesThatComeAreHope) {
  Set(Map(0), false);
  follow_.Add(Map(0));
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(Look(), ElementsAre(fmt::format("m0@{}", i)));
    follow_.Received(Map(0), 1, false);
    follow_.Finished(Map(0), UnavailableError("connection reset"), now_);
    now_ += absl::Seconds(1);
  }
}

TEST_F(LogFollowTest, SoManyAreOpenAtOnceAndTheOthersWait) {
  for (uint32_t task = 0; task < 3; ++task) {
    Set(Map(task), true);
    follow_.Add(Map(task));
    follow_.Add(Map(task));
  }
  EXPECT_THAT(Look(), ElementsAre("m0@0", "m1@0"));
  EXPECT_EQ(follow_.NextLook(), absl::InfiniteFuture()) << "it waits for an end, not for a time";
  follow_.Finished(Map(1), absl::OkStatus(), now_);
  EXPECT_THAT(Look(), ElementsAre("m2@0", "m1."));
}

// The coordinator's lock is held while it looks.
TEST_F(LogFollowTest, LookingCostsWhatMayBeOpenAndNotWhatWaits) {
  constexpr uint32_t kAttempts = 200'000;
  LogFollow follow({.max_open = 64});
  for (uint32_t task = 0; task < kAttempts; ++task) follow.Add(Map(task));
  size_t asked = 0;
  LogFollow::Standing all{.runs = true, .worker = Worker::kAway};
  const auto look = [&] {
    asked = 0;
    const LogFollow::Steps steps = follow.Look(
        [&](const AttemptRef&) {
          ++asked;
          return all;
        },
        now_);
    EXPECT_LE(asked, 6 * 64u);
    return steps;
  };
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(look().open.empty()) << "no worker is there";
  now_ += absl::Seconds(1);
  all.worker = Worker::kThere;
  EXPECT_EQ(look().open.size(), 64u);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(look().open.empty()) << "so many are open";
  for (uint32_t task = 0; task < 64; ++task) {
    follow.Finished(Map(task), UnavailableError("connection reset"), now_);
  }
  EXPECT_EQ(look().open.size(), 64u);
  EXPECT_TRUE(look().open.empty());

  all = {};
  size_t ended = 0;
  for (size_t looks = 0; !follow.done(); ++looks) {
    ASSERT_LT(looks, kAttempts / 64);
    ASSERT_LE(follow.NextLook(), now_ + absl::Seconds(1));
    ended += look().ended.size();
    now_ += absl::Milliseconds(10);
  }
  EXPECT_EQ(ended, kAttempts) << "each ends once";
}

}  // namespace
}  // namespace quern::mr
