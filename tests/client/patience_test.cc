// How long a client waits for a server: the arithmetic, what is measured, and simulated links.
#include "client/patience.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "client/piece.h"

namespace quern::client {
namespace {

constexpr absl::Duration kSilence = absl::Seconds(5);
constexpr absl::Time kStart = absl::UnixEpoch();
constexpr double kMiB = 1 << 20;

TEST(AllowedSilence, IsLongerByWhatTheBytesOfAllStreamsTake) {
  constexpr uint64_t kMessage = uint64_t{1} << 20;
  constexpr double kSlow = 64 << 10;
  EXPECT_EQ(AllowedSilence(kSilence, 0, kSlow), absl::Seconds(5));
  EXPECT_LT(AllowedSilence(kSilence, 1'000, kSlow), absl::Milliseconds(5'020));
  EXPECT_EQ(AllowedSilence(kSilence, kMessage, kSlow), absl::Seconds(5 + 16));
  EXPECT_EQ(AllowedSilence(kSilence, 4 * kMessage, kSlow), absl::Seconds(5 + 64));
  EXPECT_EQ(AllowedSilence(kSilence, 64 * kMessage, kSlow), absl::Seconds(5 + 120));
  EXPECT_EQ(AllowedSilence(kSilence, UINT64_MAX, kSlow), absl::Seconds(5 + 120));
  EXPECT_LT(AllowedSilence(kSilence, 64 * kMessage, 100 << 20), absl::Seconds(6));
}

TEST(UntilNextLook, IsNeverLongerThanWhatIsLeftOrOnesPatience) {
  EXPECT_EQ(UntilNextLook(absl::Seconds(60), kSilence), StreamWait::kAskAgain);
  EXPECT_EQ(UntilNextLook(absl::Milliseconds(300), kSilence), absl::Milliseconds(300));
  EXPECT_EQ(UntilNextLook(absl::Seconds(60), absl::Milliseconds(20)), absl::Milliseconds(20));
  EXPECT_EQ(UntilNextLook(absl::Milliseconds(-1), kSilence), absl::Milliseconds(-1));
}

TEST(AwaitedBytes, AreThoseOfTheStreamsThatWaitNow) {
  AwaitedBytes awaited;
  const AwaitedBytes::Share first(&awaited, 10);
  {
    const AwaitedBytes::Share second(&awaited, 5);
    EXPECT_EQ(awaited.total(), 15u);
  }
  EXPECT_EQ(awaited.total(), 10u);
}

// One stream that waits for pieces.
class StreamWaitTest : public ::testing::Test {
 protected:
  // Waits for an answer of so many bytes, which comes.
  void Get(absl::Duration waited, uint64_t bytes = kPieceBytes, bool waited_for_disk = false) {
    const AwaitedBytes::Share share(&all_, bytes);
    wait_.Await(now_);
    now_ += waited;
    wait_.Arrived(now_, {.bytes = bytes, .waited_for_disk = waited_for_disk});
  }
  // Waits in vain; for how long.
  absl::Duration GiveUp() { return GiveUp(&wait_); }
  absl::Duration GiveUp(StreamWait* wait) {
    const AwaitedBytes::Share share(&all_, kPieceBytes);
    wait->Await(now_);
    const absl::Duration allowed = wait->Allowed(kPieceBytes);
    now_ += allowed;
    wait->GaveUp();
    return allowed;
  }

  AwaitedBytes all_;
  const double unknown_ = all_.bytes_per_second();
  StreamWait wait_{&all_, kSilence};
  absl::Time now_ = kStart;
};

TEST_F(StreamWaitTest, HalfOfWhatTheLinkDidIsExpected) {
  Get(absl::Milliseconds(20));
  EXPECT_NEAR(all_.bytes_per_second(), 25 * kMiB, 1);
  Get(absl::Seconds(1));
  EXPECT_NEAR(all_.bytes_per_second(), 0.75 * 25 * kMiB, 1) << "one bad second";
  for (int i = 0; i < 100; ++i) Get(absl::Seconds(2));
  EXPECT_NEAR(all_.bytes_per_second(), kMiB / 4, 1);
}

TEST_F(StreamWaitTest, FewBytesSayNothing) {
  for (int i = 0; i < 100; ++i) {
    Get(absl::Milliseconds(15), 100);
    EXPECT_EQ(all_.bytes_per_second(), unknown_);
  }
}

TEST_F(StreamWaitTest, TheWaitGoesOnWhateverElseHappens) {
  const AwaitedBytes::Share share(&all_, kPieceBytes);
  wait_.Await(now_);
  for (int i = 0; i < 99; ++i) wait_.Await(now_ += absl::Milliseconds(10));
  wait_.Arrived(now_ += absl::Milliseconds(10), {.bytes = kPieceBytes});
  EXPECT_NEAR(all_.bytes_per_second(), kMiB / 2, 1);
}

// All of it had come while nobody looked, which says what the link did until then.
TEST_F(StreamWaitTest, WhatWasThereAlreadyMakesNoLinkFast) {
  Get(absl::Seconds(1));
  now_ += absl::Seconds(16);
  for (int i = 0; i < 12; ++i) {
    Get(absl::Microseconds(50));
    EXPECT_LE(all_.bytes_per_second(), kMiB / 2 + 1);
  }
  Get(absl::Milliseconds(50));  // a thread that was woken late
  for (int i = 0; i < 3; ++i) Get(absl::Microseconds(50));
  Get(absl::Seconds(1));
  EXPECT_LE(all_.bytes_per_second(), 0.6 * kMiB);
}

TEST_F(StreamWaitTest, AProcessThatStoodStillMeasuresWhatTheLinkDid) {
  Get(absl::Seconds(10));
  for (int i = 0; i < 9; ++i) Get(absl::ZeroDuration());
  EXPECT_NEAR(all_.bytes_per_second(), kMiB / 2, 1);
  Get(absl::Seconds(1));
  EXPECT_NEAR(all_.bytes_per_second(), kMiB / 2, 1);
}

TEST_F(StreamWaitTest, OnAFastLinkManyShortWaitsAreOneMeasurement) {
  for (int i = 0; i < 100; ++i) Get(absl::Microseconds(200));
  EXPECT_NEAR(all_.bytes_per_second() / kMiB, 2'500, 25);
}

TEST_F(StreamWaitTest, WhatWasOpenedAheadCountsFromThenOn) {
  wait_.Asked(now_, now_ + absl::Seconds(2));
  now_ += absl::Seconds(2);
  for (int i = 0; i < 4; ++i) Get(absl::Microseconds(50));
  EXPECT_NEAR(all_.bytes_per_second(), kMiB, 1'000);
}

TEST_F(StreamWaitTest, ADiskMakesNoLinkSlow) {
  Get(absl::Milliseconds(20));
  for (int i = 0; i < 100; ++i) Get(absl::Seconds(20), kPieceBytes, /*waited_for_disk=*/true);
  EXPECT_NEAR(all_.bytes_per_second(), 25 * kMiB, 1);
}

TEST_F(StreamWaitTest, OneTryWaitsForTheSlowestLink) {
  EXPECT_EQ(GiveUp(), absl::Seconds(7));
  EXPECT_EQ(GiveUp(), absl::Seconds(21));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(GiveUp(), absl::Seconds(7)) << "nobody answers";
  StreamWait other(&all_, kSilence);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(GiveUp(&other), absl::Seconds(7)) << "nor anyone";
  Get(absl::Milliseconds(1), 100);
  EXPECT_EQ(GiveUp(), absl::Seconds(7));
  EXPECT_EQ(GiveUp(), absl::Seconds(21)) << "somebody did";
}

TEST_F(StreamWaitTest, WhereTheLinkIsKnownADoubtIsAboutItsOwnBytesOnly) {
  Get(absl::Milliseconds(11));
  const AwaitedBytes::Share others(&all_, 15 * kPieceBytes);
  EXPECT_LT(GiveUp(), absl::Seconds(6));
  EXPECT_EQ(GiveUp(), absl::Seconds(21));
  EXPECT_LT(GiveUp(), absl::Seconds(6));
}

TEST_F(StreamWaitTest, ALinkThatIsFastForOthersIsNotDoubted) {
  GiveUp();
  const AwaitedBytes::Share share(&all_, kPieceBytes);
  wait_.Await(now_);
  EXPECT_EQ(wait_.Allowed(kPieceBytes), absl::Seconds(21));
  StreamWait other(&all_, kSilence);
  other.Await(now_);
  other.Arrived(now_ + absl::Milliseconds(11), {.bytes = kPieceBytes});
  EXPECT_LT(wait_.Allowed(kPieceBytes), absl::Seconds(6));
}

// A link that has become slow is not found too fast again and again.
TEST_F(StreamWaitTest, AnAnswerThatComesLaterThanWasExpectedCorrectsTheSpeed) {
  for (int i = 0; i < 10; ++i) Get(absl::Milliseconds(11));
  EXPECT_LT(GiveUp(), absl::Seconds(6));
  Get(absl::Seconds(10));
  const AwaitedBytes::Share share(&all_, kPieceBytes);
  wait_.Await(now_);
  EXPECT_GE(wait_.Allowed(kPieceBytes), absl::Seconds(5 + 16));
}

TEST_F(StreamWaitTest, OthersThatHaveGotTheirsMeanwhileWereWaitedForToo) {
  auto others = std::make_unique<AwaitedBytes::Share>(&all_, 7 * kPieceBytes);
  const AwaitedBytes::Share share(&all_, kPieceBytes);
  wait_.Await(now_);
  const absl::Duration before = wait_.Allowed(kPieceBytes);
  others.reset();
  EXPECT_EQ(wait_.Allowed(kPieceBytes), before);
}

// Streams of one client that share a link, in simulated time. Each has some pieces under way, and
// is told of each after a little while, in order; like a sender it also looks at odd times.
class SimulatedLink {
 public:
  struct Options {
    double bytes_per_second = 0;
    int streams = 0;
    int under_way = 0;
    int pieces = 0;        // of a stream, and a few more
    bool in_turn = false;  // piece by piece, rather than all streams at once
  };
  explicit SimulatedLink(const Options& options) : options_(options) {
    for (int i = 0; i < options.streams; ++i) {
      Stream& stream = streams_.emplace_back(&all_);
      stream.share.emplace(&all_, kPieceBytes);
      stream.left = options.pieces + 3 * i;
      Send(&stream);
    }
  }

  // False when all is done.
  bool Step() {
    absl::Time next = now_ + Random(std::min(Gap() / 3, StreamWait::kAskAgain));
    const int busy = static_cast<int>(std::ranges::count_if(streams_, &Stream::IsBusy));
    if (options_.in_turn && !streams_[turn_].IsBusy()) NextTurn();
    const double speed = options_.bytes_per_second / (options_.in_turn ? 1 : std::max(busy, 1));
    bool done = true;
    for (const Stream& stream : streams_) {
      done = done && stream.left == 0;
      if (IsServed(stream)) next = std::min(next, now_ + absl::Seconds(stream.unserved / speed));
      if (!stream.acks.empty()) next = std::min(next, stream.acks.front());
    }
    if (done) return false;
    next = std::max(next, now_ + absl::Nanoseconds(1));
    const double served = speed * absl::ToDoubleSeconds(next - now_);
    now_ = next;
    Serve(served);
    for (Stream& stream : streams_) Look(&stream);
    for (Stream& stream : streams_) TakeAcks(&stream);
    return true;
  }

  // What a stream waits for its next piece.
  absl::Duration Gap() const {
    return absl::Seconds(options_.streams * kMiB / options_.bytes_per_second);
  }
  // How long a server may be silent now, at most; zero when some stream has all that it wants.
  absl::Duration LongestAllowed() const {
    absl::Duration longest;
    for (const Stream& stream : streams_) {
      if (stream.left == 0) return absl::ZeroDuration();
      longest = std::max(longest, stream.wait.Allowed(kPieceBytes));
    }
    return longest;
  }
  int most_given_up() const {
    return std::ranges::max_element(streams_, {}, &Stream::given_up)->given_up;
  }
  int fewest_left() const { return std::ranges::min_element(streams_, {}, &Stream::left)->left; }

 private:
  struct Stream {
    explicit Stream(AwaitedBytes* all) : wait(all, kSilence) {}
    bool IsBusy() const { return left > static_cast<int>(acks.size()) && sent_unserved > 0; }

    StreamWait wait;
    std::optional<AwaitedBytes::Share> share;
    int left = 0;                 // pieces that are not acknowledged
    int sent_unserved = 0;        // of those, on the link
    double unserved = kMiB;       // bytes of the first of these
    std::deque<absl::Time> acks;  // under way
    absl::Time heard = kStart;
    int given_up = 0;
  };

  absl::Duration Random(absl::Duration up_to) {
    return up_to * std::uniform_real_distribution<double>(0, 1)(random_);
  }
  bool IsServed(const Stream& stream) const {
    return stream.IsBusy() && (!options_.in_turn || &stream == &streams_[turn_]);
  }

  void Send(Stream* stream) {
    const int acks = static_cast<int>(stream->acks.size());
    stream->sent_unserved = std::min(options_.under_way, stream->left) - acks;
  }

  void Look(Stream* stream) {
    if (stream->left == 0) return;
    stream->wait.Await(now_);
    if (now_ - stream->heard < stream->wait.Allowed(kPieceBytes)) return;
    ++stream->given_up;
    stream->wait.GaveUp();
    stream->acks.clear();
    stream->unserved = kMiB;
    stream->heard = now_;
    Send(stream);
    stream->wait.Await(now_);
  }

  void Serve(double bytes) {
    std::vector<Stream*> served;
    for (Stream& stream : streams_) {
      if (IsServed(stream)) served.push_back(&stream);
    }
    for (Stream* stream : served) {
      stream->unserved -= bytes;
      if (stream->unserved > 16) continue;
      stream->unserved = kMiB;
      --stream->sent_unserved;
      const absl::Time ack = now_ + Random(absl::Milliseconds(2));
      stream->acks.push_back(stream->acks.empty() ? ack : std::max(ack, stream->acks.back()));
      if (options_.in_turn) NextTurn();
    }
  }

  void NextTurn() {
    for (size_t i = 0; i < streams_.size(); ++i) {
      turn_ = (turn_ + 1) % streams_.size();
      if (streams_[turn_].IsBusy()) return;
    }
  }

  void TakeAcks(Stream* stream) {
    while (!stream->acks.empty() && stream->acks.front() <= now_) {
      stream->acks.pop_front();
      stream->heard = now_;
      --stream->left;
      stream->wait.Arrived(now_, {.bytes = kPieceBytes});
    }
    if (stream->left == 0) {
      stream->wait.Rest();
      stream->share.reset();
    } else {
      Send(stream);
      stream->wait.Await(now_);
    }
  }

  const Options options_;
  AwaitedBytes all_;
  std::deque<Stream> streams_;
  size_t turn_ = 0;
  absl::Time now_ = kStart;
  std::mt19937_64 random_{7};
};

// A healthy server is not given up, and one that falls silent is soon.
void ExpectPatience(const SimulatedLink::Options& options) {
  SimulatedLink link(options);
  if (link.Gap() + absl::Milliseconds(10) >=
      AllowedSilence(kSilence, static_cast<uint64_t>(options.streams) * kPieceBytes,
                     AwaitedBytes::kLowest)) {
    return;  // too slow for so many
  }
  SCOPED_TRACE(::testing::Message() << options.bytes_per_second << " B/s, " << options.streams
                                    << " streams, " << options.under_way << " pieces under way, "
                                    << (options.in_turn ? "in turn" : "at once"));
  absl::Duration longest;
  int64_t steps = 0;
  while (link.Step()) {
    ASSERT_LT(++steps, 1'000'000);
    if (link.fewest_left() <= options.pieces / 5)
      longest = std::max(longest, link.LongestAllowed());
  }
  // Before the first answer nobody knows how slow it is.
  const bool is_expected = link.Gap() + absl::Milliseconds(10) <
                           kSilence + absl::Seconds(2) * static_cast<double>(options.streams);
  EXPECT_LE(link.most_given_up(), is_expected ? 0 : 1);
  EXPECT_GT(longest, kSilence);
  EXPECT_LE(longest,
            kSilence + std::min(8 * link.Gap() + absl::Milliseconds(500), absl::Minutes(2)));
}

TEST(SimulatedLinks, OfAllSpeedsAndNumbersOfStreams) {
  for (const double speed : {50e3, 65536.0, 100e3, 250e3, 640e3, 1e6, 1e7, 1e8, 1e9, 5e9}) {
    for (const int streams : {1, 2, 3, 4, 7, 16}) {
      for (const int under_way : {1, 2, 16}) {
        for (const bool in_turn : {false, true}) {
          ExpectPatience({.bytes_per_second = speed,
                          .streams = streams,
                          .under_way = under_way,
                          .pieces = speed < 1e8 ? 12 : 110,
                          .in_turn = in_turn});
        }
      }
    }
  }
}

}  // namespace
}  // namespace quern::client
