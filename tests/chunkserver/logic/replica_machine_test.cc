#include "chunkserver/logic/replica_machine.h"

#include <algorithm>

#include "common/crc32c.h"
#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using enum ReplicaState;
using SealVerdict = ReplicaMachine::Verdict;

ReplicaSpec Spec(Durability durability = Durability::kOnClose) {
  ReplicaSpec spec;
  spec.chunk = ChunkId(42);
  spec.durability = durability;
  spec.capacity_bytes = 1000;
  spec.chain = {{ServerId(1), "a:1"}, {ServerId(2), "b:1"}};
  spec.boot_id = "boot-1";
  return spec;
}

AppendRecord Next(const ReplicaMachine& machine, std::string_view text, uint64_t seq,
                  bool synced = false) {
  const iovec part{const_cast<char*>(text.data()), text.size()};
  AppendRecord record = machine.sums().Next(SumPayload(machine.length(), {&part, 1}));
  record.producer = 7;
  record.seq = seq;
  record.synced = synced;
  return record;
}

// "abc", "def", ... as appended by producer 7.
ReplicaMachine WithAppends(int count, Durability durability = Durability::kOnClose,
                           std::vector<AppendRecord>* records = nullptr) {
  ReplicaMachine machine(Spec(durability));
  for (int i = 0; i < count; ++i) {
    const AppendRecord record = Next(machine, std::string(3, static_cast<char>('a' + i)),
                                     static_cast<uint64_t>(i) + 1, durability == Durability::kSync);
    machine.Appended(record);
    if (records != nullptr) records->push_back(record);
  }
  return machine;
}

TEST(ReplicaMachineTest, TakesBytesOnlyAtItsEndWhileOpen) {
  ReplicaMachine machine = WithAppends(2);
  EXPECT_OK(machine.CheckAppend(6, 994));
  EXPECT_THAT(machine.CheckAppend(6, 995), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(machine.CheckAppend(5, 1), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(machine.CheckAppend(7, 1), StatusIs(absl::StatusCode::kAborted));
  machine.Become(machine.RecordAs(kFenced, 0).value());
  EXPECT_THAT(machine.CheckAppend(6, 1), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ReplicaMachineTest, AllowsExactlyTheStepsOfTheDrawing) {
  struct Row {
    ReplicaState from;
    std::vector<ReplicaState> to;
  };
  const Row rows[] = {
      {kOpen, {kFenced, kCorrupt, kRemoved}},
      {kFenced, {kFinalized, kStale, kCorrupt, kQuarantined, kRemoved}},
      {kFinalized, {kStale, kCorrupt, kQuarantined, kRemoved}},
      {kStale, {kFinalized, kCorrupt, kQuarantined, kRemoved}},
      {kQuarantined, {kFinalized, kStale, kCorrupt, kRemoved}},
      {kCorrupt, {kQuarantined, kRemoved}},
      {kRemoved, {}},
  };
  for (const Row& row : rows) {
    ReplicaMachine machine(Spec());
    ReplicaRecord record = machine.record();
    record.state = row.from;
    machine.Become(record);
    for (int i = static_cast<int>(kOpen); i <= static_cast<int>(kRemoved); ++i) {
      const auto to = static_cast<ReplicaState>(i);
      const bool allowed = to == row.from || std::ranges::count(row.to, to) > 0;
      EXPECT_EQ(machine.RecordAs(to, 0).ok(), allowed)
          << StateName(row.from) << " to " << StateName(to);
    }
  }
}

TEST(ReplicaMachineTest, IsReadUpToWhatIsKnownToBeCommitted) {
  ReplicaMachine machine = WithAppends(3);
  EXPECT_EQ(machine.Readable().value(), 0u);
  machine.LearnCommitted(3);
  EXPECT_EQ(machine.Readable().value(), 3u);
  machine.LearnCommitted(100);
  EXPECT_EQ(machine.committed(), 9u);
  machine.LearnCommitted(3);
  EXPECT_EQ(machine.committed(), 9u) << "never goes back";
  machine.Become(machine.RecordAs(kFenced, 0).value());
  machine.Become(machine.RecordAs(kStale, 0).value());
  EXPECT_THAT(machine.Readable(), StatusIs(absl::StatusCode::kFailedPrecondition));
  machine.Become(machine.RecordAs(kCorrupt, 0).value());
  EXPECT_THAT(machine.Readable(), StatusIs(absl::StatusCode::kDataLoss));
  machine.Become(machine.RecordAs(kQuarantined, 0).value());
  EXPECT_THAT(machine.Readable(), StatusIs(absl::StatusCode::kNotFound));
}

TEST(ReplicaMachineTest, ALatchedReplicaIsReadWholeByWhoKnowsTheSealThatItFits) {
  ReplicaMachine machine = WithAppends(3);
  const SealedAs fits = {machine.length(), machine.crc()};
  EXPECT_EQ(machine.Readable(fits).value(), 0u) << "it may still grow";
  machine.Become(machine.RecordAs(kFenced, 0).value());
  EXPECT_EQ(machine.Readable(fits).value(), 9u);
  EXPECT_EQ(machine.Readable(SealedAs{fits.length - 1, fits.crc}).value(), 0u);
  EXPECT_EQ(machine.Readable(SealedAs{fits.length, fits.crc + 1}).value(), 0u);
  EXPECT_EQ(machine.Readable().value(), 0u);
  machine.Become(machine.RecordAs(kStale, 0).value());
  EXPECT_THAT(machine.Readable(fits), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ReplicaMachineTest, ASealedReplicaIsNotReadByWhoKnowsAnotherSeal) {
  ReplicaMachine machine = WithAppends(3);
  machine.Become(machine.RecordAs(kFenced, 0).value());
  const SealedAs seal = {machine.length(), machine.crc()};
  machine.Become(machine.RecordSealed(seal.length, seal.crc).value());
  EXPECT_EQ(machine.Readable(seal).value(), 9u);
  EXPECT_EQ(machine.Readable().value(), 9u);
  const SealedAs shorter{seal.length - 1, seal.crc};
  const SealedAs other_bytes{seal.length, seal.crc + 1};
  EXPECT_THAT(machine.Readable(shorter), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(machine.Readable(other_bytes), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ReplicaMachineTest, JudgesASealByLengthAndChecksum) {
  ReplicaMachine machine = WithAppends(3);
  machine.Become(machine.RecordAs(kFenced, 0).value());
  const uint32_t crc = Crc32c("aaabbb");
  EXPECT_EQ(machine.Judge(6, crc, crc), SealVerdict::kFinalize) << "may be cut";
  EXPECT_EQ(machine.Judge(6, crc, crc + 1), SealVerdict::kStale) << "other bytes";
  EXPECT_EQ(machine.Judge(12, crc, std::nullopt), SealVerdict::kStale) << "shorter";
  machine.Become(machine.RecordSealed(6, crc).value());
  EXPECT_EQ(machine.state(), kFinalized);
  EXPECT_EQ(machine.length(), 6u);
  EXPECT_EQ(machine.crc(), crc);
  EXPECT_EQ(machine.Readable().value(), 6u);
  EXPECT_EQ(machine.Judge(6, crc, crc), SealVerdict::kAlreadyFinal);
  EXPECT_EQ(machine.Judge(3, crc, crc), SealVerdict::kStale) << "sealed once and for all";
}

TEST(ReplicaMachineTest, TheQuarantineHealsNothing) {
  ReplicaMachine machine = WithAppends(3);
  const uint32_t crc = Crc32c("aaabbb");
  machine.Become(machine.RecordAs(kFenced, 0).value());
  machine.Become(machine.RecordSealed(6, crc).value());
  machine.Become(machine.RecordAs(kQuarantined, 0).value());
  EXPECT_EQ(machine.Judge(6, crc, crc), SealVerdict::kFinalize) << "its bytes were never doubted";
  machine.Become(machine.RecordAs(kCorrupt, 0).value());
  machine.Become(machine.RecordAs(kQuarantined, 0).value());
  EXPECT_EQ(machine.Judge(6, crc, crc), SealVerdict::kCorrupt) << "the sums are not the bytes";
  machine.Become(machine.RecordAs(kCorrupt, 0).value());
  machine.Become(machine.RecordAcquitted(0).value());
  EXPECT_EQ(machine.Judge(6, crc, crc), SealVerdict::kAlreadyFinal) << "they were read again";
}

// --- Restart.

struct RestartRow {
  const char* what;
  Durability durability;
  const char* boot_now;
  bool lost_bytes;
  ReplicaState state;
  bool suspect;
};

TEST(ReplicaMachineTest, ComesBackFencedAndKnowsWhetherItMayHaveForgotten) {
  const RestartRow rows[] = {
      {"killed", Durability::kOnClose, "boot-1", false, kFenced, false},
      {"power cut", Durability::kOnClose, "boot-2", false, kFenced, true},
      {"power cut, every append synced", Durability::kSync, "boot-2", false, kFenced, false},
      {"bytes gone without a reboot", Durability::kOnClose, "boot-1", true, kFenced, true},
  };
  for (const RestartRow& row : rows) {
    std::vector<AppendRecord> records;
    const ReplicaMachine before = WithAppends(3, row.durability, &records);
    const ReplicaMachine after = ReplicaMachine::Restore(
        before.record(), records, {.boot_id = row.boot_now, .lost_bytes = row.lost_bytes});
    EXPECT_EQ(after.state(), row.state) << row.what;
    EXPECT_EQ(after.suspect(), row.suspect) << row.what;
    EXPECT_EQ(after.length(), 9u) << row.what;
    EXPECT_EQ(after.LastSeq(7), 3u) << row.what;
  }
}

TEST(ReplicaMachineTest, AFencedReplicaIsNeverSuspectLater) {
  std::vector<AppendRecord> records;
  ReplicaMachine machine = WithAppends(2, Durability::kOnClose, &records);
  machine.Synced(6);
  machine.Become(machine.RecordAs(kFenced, 0).value());
  const ReplicaMachine after =
      ReplicaMachine::Restore(machine.record(), records, {.boot_id = "boot-2"});
  EXPECT_EQ(after.state(), kFenced);
  EXPECT_FALSE(after.suspect());
}

TEST(ReplicaMachineTest, IsCorruptWhenDurableBytesAreGone) {
  std::vector<AppendRecord> records;
  ReplicaMachine machine = WithAppends(3, Durability::kOnClose, &records);
  machine.Synced(6);
  records.resize(1);
  const auto lost = [&] {
    return ReplicaMachine::Restore(machine.record(), records,
                                   {.boot_id = "boot-1", .lost_bytes = true});
  };
  EXPECT_EQ(lost().state(), kCorrupt);
  records.push_back(Next(WithAppends(1), "bbb", 2));
  EXPECT_EQ(lost().state(), kFenced) << "only what was never synced is gone";
}

TEST(SurvivingAppendsTest, CutsAtTheFirstRecordThatDoesNotHold) {
  std::vector<AppendRecord> records;
  WithAppends(4, Durability::kOnClose, &records);
  const std::string data = "aaabbbcccddd";
  const auto survivors = [&](std::string_view on_disk, uint64_t synced) {
    return SurvivingAppends(records, synced, on_disk.size(),
                            [&](uint64_t start, uint64_t end) -> absl::StatusOr<uint32_t> {
                              return Crc32c(on_disk.substr(start, end - start));
                            })
        .value();
  };
  EXPECT_EQ(survivors(data, 0), 4u);
  EXPECT_EQ(survivors(data + "tail without a record", 0), 4u);
  EXPECT_EQ(survivors("aaabbbcc", 0), 2u) << "the file ends in the third";
  EXPECT_EQ(survivors("aaabXbcccddd", 0), 1u);
  EXPECT_EQ(survivors("aaabXbcccddd", 6), 4u) << "what was synced is left to the readers' checks";
  records[1].start = 4;
  EXPECT_EQ(survivors(data, 0), 1u) << "a gap";
}

TEST(SurvivingAppendsTest, AnErrorOfTheSystemCutsNothing) {
  std::vector<AppendRecord> records;
  WithAppends(2, Durability::kOnClose, &records);
  const auto unreadable = [](uint64_t, uint64_t) -> absl::StatusOr<uint32_t> {
    return UnavailableError("no memory");
  };
  EXPECT_THAT(SurvivingAppends(records, 0, 6, unreadable),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST(ReplicaMachineTest, ACheckOfAllItsBytesAcquitsACorruptReplica) {
  ReplicaMachine machine = WithAppends(3);
  machine.Synced(9);
  EXPECT_THAT(machine.RecordAcquitted(0), StatusIs(absl::StatusCode::kFailedPrecondition));
  machine.Become(machine.RecordAs(kFenced, 0).value());
  machine.Become(machine.RecordAs(kCorrupt, 0).value());
  machine.Become(machine.RecordAcquitted(7).value());
  EXPECT_EQ(machine.state(), kFenced) << "never open again";
  EXPECT_EQ(machine.since_ms(), 7);
  machine.Become(machine.RecordSealed(9, machine.crc()).value());
  machine.Become(machine.RecordAs(kCorrupt, 0).value());
  machine.Become(machine.RecordAcquitted(7).value());
  EXPECT_EQ(machine.state(), kFinalized);
}

TEST(ReplicaMachineTest, WhatIsLeftOfLostBytesAcquitsNobody) {
  std::vector<AppendRecord> records;
  ReplicaMachine machine = WithAppends(2, Durability::kOnClose, &records);
  machine.Synced(6);
  records.resize(1);
  ReplicaMachine lost =
      ReplicaMachine::Restore(machine.record(), records, {.boot_id = "boot-1", .lost_bytes = true});
  ASSERT_EQ(lost.state(), kCorrupt);
  EXPECT_THAT(lost.RecordAcquitted(0), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(ReplicaMachineTest, WithoutABootIdEveryRestartMayHaveBeenAPowerCut) {
  std::vector<AppendRecord> records;
  ReplicaMachine machine = WithAppends(2, Durability::kOnClose, &records);
  ReplicaRecord record = machine.record();
  record.spec.boot_id.clear();
  EXPECT_TRUE(ReplicaMachine::Restore(record, records, {.boot_id = ""}).suspect());
  EXPECT_TRUE(ReplicaMachine::Restore(record, records, {.boot_id = "boot-1"}).suspect());
  record.spec.boot_id = "boot-1";
  EXPECT_TRUE(ReplicaMachine::Restore(record, records, {.boot_id = ""}).suspect());
  EXPECT_FALSE(ReplicaMachine::Restore(record, records, {.boot_id = "boot-1"}).suspect());
}

}  // namespace
}  // namespace quern::chunkserver
