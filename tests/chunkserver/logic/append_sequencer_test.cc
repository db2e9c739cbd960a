#include "chunkserver/logic/append_sequencer.h"

#include <algorithm>

#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using Verdict = AppendSequencer::Verdict;
constexpr uint64_t kAnn = 7;
constexpr uint64_t kBob = 8;

uint32_t CrcAt(uint64_t end) { return static_cast<uint32_t>(end * 31 + 1); }

AppendRecord Record(uint64_t end, uint64_t producer, uint64_t seq) {
  AppendRecord record;
  record.end = end;
  record.running_crc = CrcAt(end);
  record.producer = producer;
  record.seq = seq;
  return record;
}

TEST(AppendSequencerTest, AcceptsEachNumberOfAProducerOnceAndInOrder) {
  AppendSequencer sequencer({.replicas = 1});
  struct Row {
    uint64_t producer, seq, base;
    Verdict verdict;
  };
  const Row rows[] = {
      {kAnn, 6, 5, Verdict::kGap},  // unknown: begins at its base and nowhere else
      {kAnn, 4, 5, Verdict::kGap},
      {kAnn, 5, 5, Verdict::kAppend},
      {kAnn, 5, 5, Verdict::kDuplicate},
      {kAnn, 4, 4, Verdict::kDuplicate},  // known: a new base changes nothing
      {kAnn, 7, 7, Verdict::kGap},
      {kAnn, 6, 5, Verdict::kAppend},
      {kBob, 1, 1, Verdict::kAppend},
      {kAnn, 7, 5, Verdict::kAppend},
      {kBob, 1, 1, Verdict::kDuplicate},
  };
  uint64_t end = 0;
  for (const Row& row : rows) {
    EXPECT_EQ(sequencer.Judge(row.producer, row.seq, row.base), row.verdict)
        << row.producer << " " << row.seq;
    if (row.verdict == Verdict::kAppend)
      sequencer.Appended(Record(end += 10, row.producer, row.seq));
  }
  EXPECT_EQ(sequencer.committed(), 40u);
  EXPECT_EQ(sequencer.CommittedSeq(kAnn), 7u);
  EXPECT_EQ(sequencer.CommittedSeq(kBob), 1u);
  EXPECT_EQ(sequencer.CommittedSeq(99), 0u);
}

TEST(AppendSequencerTest, CommitsWhatTheSlowestReplicaHas) {
  AppendSequencer sequencer({.replicas = 3});
  for (uint64_t i = 1; i <= 4; ++i) sequencer.Appended(Record(i * 10, kAnn, i));
  EXPECT_EQ(sequencer.committed(), 0u);
  EXPECT_OK(sequencer.Acknowledged(1, 40, CrcAt(40)));
  EXPECT_EQ(sequencer.committed(), 0u);
  EXPECT_OK(sequencer.Acknowledged(2, 20, CrcAt(20)));
  EXPECT_EQ(sequencer.committed(), 20u);
  EXPECT_EQ(sequencer.CommittedSeq(kAnn), 2u);
  EXPECT_OK(sequencer.Acknowledged(2, 10, CrcAt(10))) << "an old one, repeated";
  EXPECT_EQ(sequencer.committed(), 20u);
  EXPECT_OK(sequencer.Acknowledged(2, 40, CrcAt(40)));
  EXPECT_TRUE(sequencer.all_committed());
  EXPECT_EQ(sequencer.length(), 40u);
}

TEST(AppendSequencerTest, RefusesAReplicaWithOtherBytes) {
  AppendSequencer sequencer({.replicas = 2});
  sequencer.Appended(Record(10, kAnn, 1));
  EXPECT_THAT(sequencer.Acknowledged(1, 10, CrcAt(10) + 1), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(sequencer.Acknowledged(1, 11, CrcAt(11)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(sequencer.Acknowledged(2, 10, CrcAt(10)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(sequencer.committed(), 0u);
}

TEST(AppendSequencerTest, ANewStreamCommitsWhatIsThereOnceAllHaveIt) {
  AppendSequencer sequencer(
      {.replicas = 2, .length = 30, .crc = CrcAt(30), .committed = 10, .producers = {{kAnn, 3}}});
  EXPECT_EQ(sequencer.Judge(kAnn, 3, 1), Verdict::kDuplicate);
  EXPECT_EQ(sequencer.CommittedSeq(kAnn), 0u) << "not known to be everywhere yet";
  sequencer.Appended(Record(40, kAnn, 4));
  EXPECT_OK(sequencer.Acknowledged(1, 30, CrcAt(30)));
  EXPECT_EQ(sequencer.committed(), 30u);
  EXPECT_EQ(sequencer.CommittedSeq(kAnn), 3u);
}

class AppendSequencerWalk : public RandomTest {};

TEST_F(AppendSequencerWalk, CommittedIsAlwaysTheLeastAcknowledged) {
  for (int round = 0; round < 200; ++round) {
    const auto replicas = static_cast<uint32_t>(1 + Below(4));
    AppendSequencer sequencer({.replicas = replicas});
    std::vector<uint64_t> has(replicas, 0);
    uint64_t end = 0;
    uint64_t committed = 0;
    uint64_t seq = 0;
    for (int step = 0; step < 100; ++step) {
      if (OneIn(2)) {
        sequencer.Appended(Record(end += 1 + Below(9), kAnn, ++seq));
        has[0] = end;
      } else if (replicas > 1 && end > 0) {
        // One more message of the stream, or an old one again.
        const auto position = static_cast<uint32_t>(1 + Below(replicas - 1));
        EXPECT_OK(sequencer.Acknowledged(position, end, CrcAt(end)));
        has[position] = end;
      }
      const uint64_t least = *std::min_element(has.begin(), has.end());
      EXPECT_EQ(sequencer.committed(), least);
      EXPECT_GE(sequencer.committed(), committed);
      EXPECT_EQ(sequencer.length(), end);
      committed = sequencer.committed();
    }
  }
}

}  // namespace
}  // namespace quern::chunkserver
