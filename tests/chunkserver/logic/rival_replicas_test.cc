#include "chunkserver/logic/rival_replicas.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

namespace quern::chunkserver {
namespace {

using enum ReplicaState;

// What two histories, and a third one, have sealed a chunk as.
constexpr SealedAs kSeals[] = {{100, 1}, {50, 2}, {70, 3}};

std::vector<Rival> WithWordsOfMasters(const Rival& rival) {
  std::vector<Rival> all = {rival};
  for (const uint64_t when : {1, 2}) {
    Rival told = rival;
    if (rival.state == kFinalized) told.judged = when;
    if (rival.state == kStale) told.refused = Refusal{kSeals[when - 1], when};
    const bool senseless = told.refused.has_value() && told.refused->wanted == told.holds;
    if ((told.judged > 0 || told.refused.has_value()) && !senseless) all.push_back(told);
  }
  return all;
}

std::vector<Rival> RivalsLike(ReplicaState state, bool sealed, bool damaged) {
  std::vector<Rival> all;
  for (const SealedAs& holds : kSeals) {
    for (const uint64_t token : {0, 4711, 4712}) {
      for (const bool made_now : {false, true}) {
        if (state == kOpen && !made_now) continue;
        const Rival rival = {.state = state,
                             .holds = holds,
                             .sealed = sealed,
                             .damaged = damaged,
                             .made_now = made_now,
                             .create_token = token};
        for (const Rival& told : WithWordsOfMasters(rival)) all.push_back(told);
      }
    }
  }
  return all;
}

std::vector<Rival> AllRivals() {
  std::vector<Rival> all;
  const auto add = [&](ReplicaState state, bool sealed, bool damaged) {
    for (const Rival& rival : RivalsLike(state, sealed, damaged)) all.push_back(rival);
  };
  add(kOpen, false, false);
  add(kFenced, false, false);
  add(kFinalized, true, false);
  for (const bool sealed : {false, true}) {
    add(kStale, sealed, false);
    add(kCorrupt, sealed, true);
    add(kQuarantined, sealed, false);
    add(kQuarantined, sealed, true);
  }
  return all;
}

// A server with two replicas, and a master that has sealed the chunk.
class TwoRivals {
 public:
  TwoRivals(const Rival& served, const Rival& aside, const SealedAs& sealed)
      : served_(served), aside_(aside), sealed_(sealed) {}

  // What the master does with what is told (replica_verdict.h), and the server after it. False:
  // nothing happens any more.
  bool Step() {
    const bool ordered = IsAnswered();
    if (ordered) Finalize();
    return LookAtOther() || ordered;
  }
  bool IsServed() const { return served_.state == kFinalized && served_.holds == sealed_; }
  bool Fits(const Rival& rival) const { return rival.holds == sealed_ && !rival.damaged; }
  // One that fits has gone for one that is no better.
  bool lost() const { return lost_; }

 private:
  bool IsAnswered() const {
    if (served_.state == kFinalized) return served_.holds != sealed_;
    if (served_.state == kStale) return served_.holds == sealed_;
    return served_.state != kCorrupt;
  }
  // As Replica::Finalize and the order.
  void Finalize() {
    ++word_;
    served_.state = served_.damaged ? kCorrupt : Fits(served_) ? kFinalized : kStale;
    if (served_.state == kStale) served_.refused = Refusal{sealed_, word_};
    if (served_.state != kFinalized) return;
    served_.sealed = true;
    served_.judged = word_;
  }
  // As ChunkStore::Place.
  bool LookAtOther() {
    if (!aside_.has_value()) return false;
    const std::partial_ordering worth = CompareRivals(*aside_, served_);
    if (worth == std::partial_ordering::unordered) {
      if (!GoesFirst(*aside_, served_)) return false;
      std::swap(*aside_, served_);
      return true;
    }
    if (std::is_gt(worth)) std::swap(*aside_, served_);
    lost_ = Fits(*aside_) && !IsServed();
    aside_.reset();
    return true;
  }

  Rival served_;
  std::optional<Rival> aside_;
  const SealedAs sealed_;
  uint64_t word_ = 10;
  bool lost_ = false;
};

// One that no order of this master judges unless it is what was sealed.
bool MayHideAnother(const Rival& rival) { return rival.state == kStale || rival.damaged; }

TEST(RivalReplicasTest, NeitherIsBetterThanTheOtherAndWorseAsWell) {
  const std::vector<Rival> all = AllRivals();
  for (const Rival& one : all) {
    for (const Rival& other : all) {
      const std::partial_ordering worth = CompareRivals(one, other);
      const std::partial_ordering reverse = CompareRivals(other, one);
      ASSERT_EQ(std::is_gt(worth), std::is_lt(reverse));
      ASSERT_EQ(std::is_eq(worth), std::is_eq(reverse));
      if (worth != std::partial_ordering::unordered) continue;
      ASSERT_FALSE(GoesFirst(one, other) && GoesFirst(other, one))
          << StateName(one.state) << " and " << StateName(other.state);
    }
  }
}

// Of all pairs of which nobody knows, with each of the histories in charge: it comes to an end,
// what is right is served in the end, and none that is right is lost on the way.
TEST(RivalReplicasTest, AMasterComesToAnEndAndGetsWhatItHasSealed) {
  const std::vector<Rival> all = AllRivals();
  for (const Rival& served : all) {
    for (const Rival& aside : all) {
      if (CompareRivals(aside, served) != std::partial_ordering::unordered) continue;
      if (GoesFirst(aside, served)) continue;
      for (const SealedAs& sealed : kSeals) {
        SCOPED_TRACE(::testing::Message() << StateName(served.state) << " before "
                                          << StateName(aside.state) << ", " << sealed.length);
        TwoRivals rivals(served, aside, sealed);
        int steps = 0;
        while (rivals.Step()) ASSERT_LT(++steps, 8) << "orders go back and forth";
        ASSERT_FALSE(rivals.lost());
        const bool fits = rivals.Fits(served) || rivals.Fits(aside);
        const bool hidden = MayHideAnother(served) || MayHideAnother(aside);
        ASSERT_TRUE(rivals.IsServed() || !fits || hidden);
      }
    }
  }
}

// Whatever a wrong master has made of the right one.
TEST(RivalReplicasTest, WhatAMasterRefusedIsThereForTheNext) {
  for (const bool told_before : {false, true}) {
    Rival right = {.state = kStale, .holds = kSeals[0], .sealed = true};
    if (told_before) right.refused = Refusal{kSeals[1], 1};
    const Rival wrong = {.state = kFinalized, .holds = kSeals[2], .sealed = true};
    TwoRivals rivals(wrong, right, kSeals[0]);
    while (rivals.Step()) continue;
    EXPECT_TRUE(rivals.IsServed());
    EXPECT_FALSE(rivals.lost());
  }
}

TEST(RivalReplicasTest, WhatGoesIsWhatCannotBeRight) {
  const Rival judged = {.state = kFinalized, .holds = kSeals[0], .sealed = true, .judged = 1};
  const Rival refused = {
      .state = kStale, .holds = kSeals[1], .sealed = true, .refused = Refusal{kSeals[0], 1}};
  const Rival unjudged = {.state = kFinalized, .holds = kSeals[0], .sealed = true};
  EXPECT_TRUE(std::is_gt(CompareRivals(unjudged, refused))) << "which was refused for it";
  EXPECT_TRUE(std::is_lt(CompareRivals(refused, judged)));
  Rival damaged = unjudged;
  damaged.state = kCorrupt;
  damaged.damaged = true;
  Rival fits = unjudged;
  fits.state = kStale;
  EXPECT_TRUE(std::is_gt(CompareRivals(fits, damaged))) << "the same bytes, and they are good";
  Rival gone = refused;
  gone.state = kRemoved;
  EXPECT_TRUE(std::is_gt(CompareRivals(damaged, gone)));
  Rival failed = unjudged;
  failed.disk_failed = true;
  EXPECT_TRUE(std::is_gt(CompareRivals(refused, failed)));
}

}  // namespace
}  // namespace quern::chunkserver
