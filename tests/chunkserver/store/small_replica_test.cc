// Replicas that come whole and lie in the index, over both kinds of index.
#include <array>
#include <map>

#include "common/crc32c.h"
#include "tests/chunkserver/store/chunk_store_fixture.h"

namespace quern::chunkserver {
namespace {

using Code = absl::StatusCode;

constexpr uint64_t kProducer = 7;

class SmallReplicaTest : public ChunkStoreFixture {
 protected:
  void Create(ChunkId chunk, uint64_t capacity = 1000) {
    ReplicaSpec spec = Spec(chunk);
    spec.capacity_bytes = capacity;
    ASSERT_OK(store_->Create(spec));
  }
  absl::Status AppendWhole(ChunkId chunk, std::string_view text) {
    const std::shared_ptr<Replica> replica = Find(chunk);
    // In two parts, as it may come from the network.
    const size_t half = text.size() / 2;
    const iovec parts[] = {{const_cast<char*>(text.data()), half},
                           {const_cast<char*>(text.data()) + half, text.size() - half}};
    const PayloadSums sums = SumPayload(0, parts);
    const Replica::Whole whole = {.replica = replica,
                                  .piece = {.offset = replica->facts().report.length,
                                            .producer = kProducer,
                                            .seq = 3,
                                            .committed = 0,
                                            .payload = parts,
                                            .sums = &sums}};
    return Replica::AppendWhole({&whole, 1});
  }
  void MakeWhole(ChunkId chunk, std::string_view text) {
    Create(chunk);
    ASSERT_OK(AppendWhole(chunk, text));
  }
  void Finalize(ChunkId chunk, std::string_view text) {
    ASSERT_OK_AND_ASSIGN(const ReplicaReport report,
                         Find(chunk)->Finalize(text.size(), Crc32c(text)));
    EXPECT_EQ(report.state, ReplicaState::kFinalized);
  }
  bool HasFile(ChunkId chunk) { return machine_.fs()->Exists(DataPath(chunk)); }
  // What the master compares is what a listing would name.
  void ExpectDigestsOfWhatIsHere() {
    InventoryDigests expected{};
    for (const auto& replica : store_->List()) {
      const ReplicaReport report = replica->facts().report;
      expected[InventoryBucket(report.chunk)] ^= InventoryHash(
          report.chunk, static_cast<uint32_t>(report.state), report.length, report.crc);
    }
    EXPECT_EQ(store_->inventory().StartSession([] {}), expected);
  }
  // What its disk has of it, while the store is closed.
  std::unique_ptr<ReplicaIndex> OpenIndex(const std::string& disk) {
    return machine_.opener()(disk + "/index", /*create=*/false).value();
  }
};

TEST_P(SmallReplicaTest, IsDurableAndLatchedInOneStepAndHasNoFile) {
  const ChunkId chunk(1);
  const std::string text = RandomText(1000);
  MakeWhole(chunk, text);
  for (const bool power_cut : {false, true}) {
    const Replica::Facts facts = Find(chunk)->facts();
    EXPECT_EQ(facts.report.state, ReplicaState::kFenced);
    EXPECT_EQ(facts.report.length, text.size());
    EXPECT_EQ(facts.report.crc, Crc32c(text));
    EXPECT_EQ(facts.synced, text.size());
    EXPECT_FALSE(facts.suspect);
    EXPECT_EQ(ReadAll(chunk).value(), text);
    EXPECT_FALSE(HasFile(chunk));
    ASSERT_OK_AND_ASSIGN(const Replica::FenceAnswer answer, Find(chunk)->Fence(kProducer));
    EXPECT_EQ(answer.last_seq, 3u);
    if (power_cut) PowerCut();
  }
  EXPECT_EQ(ReadAll(chunk).value(), text);
}

TEST_P(SmallReplicaTest, SeveralAreDurableInOneStepWhereverTheyLie) {
  const std::string texts[] = {"abc", RandomText(70'000), RandomText(1000), "d"};
  std::vector<std::array<iovec, 1>> parts;
  std::vector<PayloadSums> sums;
  for (const std::string& text : texts) {
    parts.push_back({iovec{const_cast<char*>(text.data()), text.size()}});
    sums.push_back(SumPayload(0, parts.back()));
  }
  std::vector<Replica::Whole> wholes;
  for (size_t i = 0; i < std::size(texts); ++i) {
    Create(ChunkId(1 + i), texts[i].size());
    wholes.push_back({.replica = Find(ChunkId(1 + i)),
                      .piece = {.offset = 0,
                                .producer = kProducer,
                                .seq = 3,
                                .committed = 0,
                                .payload = parts[i],
                                .sums = &sums[i]}});
  }
  ASSERT_OK(Replica::AppendWhole(wholes));
  wholes.clear();
  PowerCut();
  for (size_t i = 0; i < std::size(texts); ++i) {
    EXPECT_EQ(Find(ChunkId(1 + i))->facts().report.state, ReplicaState::kFenced);
    EXPECT_TRUE(ReadAll(ChunkId(1 + i)).value() == texts[i]) << i;
  }
}

TEST_P(SmallReplicaTest, StaysInTheIndexWhenItIsSealed) {
  const ChunkId chunk(1);
  const std::string text = RandomText(777);
  MakeWhole(chunk, text);
  Finalize(chunk, text);
  EXPECT_EQ(Used(), text.size());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ReadServed(chunk).value(), text);
    EXPECT_EQ(store_->Verify(chunk).value().outcome, Verification::Outcome::kGood);
    EXPECT_EQ(Find(chunk)->Producers().value(), (std::vector<ProducerSeq>{{kProducer, 3}}));
    EXPECT_FALSE(HasFile(chunk));
    if (i == 0) Open();
    if (i == 1) PowerCut();
    if (i == 1) Finalize(chunk, text);  // a seal that was not synced may be forgotten
  }
  ASSERT_OK(store_->Remove(chunk));
  EXPECT_EQ(Used(), 0u);
}

TEST_P(SmallReplicaTest, APowerCutForgetsOneWithoutBytesAndNeverHalf) {
  for (uint64_t i = 1; i <= 8; ++i) Create(ChunkId(i));
  PowerCut();
  for (const auto& replica : store_->List()) {
    EXPECT_EQ(replica->facts().report.length, 0u);
    EXPECT_TRUE(replica->facts().suspect);
  }
}

TEST_P(SmallReplicaTest, APowerCutBringsNoRemovedOneBack) {
  for (const bool keep_some : {false, true, true, true}) {
    const ChunkId chunk(1);
    MakeWhole(chunk, "abc");
    Finalize(chunk, "abc");
    const std::string disk = Find(chunk)->disk().path();
    ASSERT_OK(store_->Remove(chunk));
    machine_.PowerCut(keep_some ? &random_ : nullptr);
    store_.reset();
    machine_.PowerOn();
    ++boot_;
    Open();
    EXPECT_THAT(store_->Find(chunk), StatusIs(Code::kNotFound));
    EXPECT_EQ(Used(), 0u);
    store_.reset();
    EXPECT_THAT(OpenIndex(disk)->LoadPayload(chunk), StatusIs(Code::kNotFound));
    Open();
  }
}

TEST_P(SmallReplicaTest, TakesNothingMore) {
  const ChunkId chunk(1);
  MakeWhole(chunk, "abc");
  EXPECT_THAT(AppendWhole(chunk, "abc"), StatusIs(Code::kAborted));
  EXPECT_THAT(Append(chunk, "def"), StatusIs(Code::kFailedPrecondition));
  EXPECT_EQ(ReadAll(chunk).value(), "abc");
  Create(ChunkId(2), 10);
  EXPECT_THAT(AppendWhole(ChunkId(2), RandomText(11)), StatusIs(Code::kOutOfRange));
  EXPECT_OK(AppendWhole(ChunkId(2), RandomText(10)));
  // The latch of somebody else came first.
  Create(ChunkId(3));
  ASSERT_OK(Find(ChunkId(3))->Fence(kProducer));
  EXPECT_THAT(AppendWhole(ChunkId(3), "abc"), StatusIs(Code::kFailedPrecondition));
}

TEST_P(SmallReplicaTest, BytesThatComeInPiecesMakeAFileWhoseRowIsDurable) {
  const ChunkId chunk(1);
  Create(chunk);
  ASSERT_OK(Append(chunk, "abc", 1));
  EXPECT_TRUE(HasFile(chunk));
  ASSERT_OK(Append(chunk, "def", 2));
  ASSERT_OK(Find(chunk)->Sync());
  PowerCut();
  EXPECT_EQ(ReadAll(chunk).value(), "abcdef");
  Finalize(chunk, "abcdef");
  EXPECT_EQ(ReadServed(chunk).value(), "abcdef");
  // Not even synced: the row is there, and says that it may have forgotten something.
  Create(ChunkId(2));
  ASSERT_OK(Append(ChunkId(2), "abc"));
  PowerCut();
  EXPECT_TRUE(Find(ChunkId(2))->facts().suspect);
}

TEST_P(SmallReplicaTest, ALongOneThatComesWholeLiesInAFile) {
  const ChunkId chunk(1);
  const std::string text = RandomText(kIndexedBytes + 1);
  Create(chunk, text.size());
  ASSERT_OK(AppendWhole(chunk, text));
  EXPECT_TRUE(HasFile(chunk));
  PowerCut();
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kFenced);
  EXPECT_FALSE(Find(chunk)->facts().suspect);
  EXPECT_EQ(ReadAll(chunk).value(), text);
}

TEST_P(SmallReplicaTest, IsSealedEmptyWhenTheOthersHaveNothing) {
  MakeWhole(ChunkId(1), "abc");
  Create(ChunkId(2));
  for (const ChunkId chunk : {ChunkId(1), ChunkId(2)}) {
    Finalize(chunk, "");
    EXPECT_EQ(ReadServed(chunk).value(), "");
  }
  PowerCut();
  for (const ChunkId chunk : {ChunkId(1), ChunkId(2)}) {
    Finalize(chunk, "");
    EXPECT_EQ(ReadServed(chunk).value(), "");
    EXPECT_EQ(store_->Verify(chunk).value().outcome, Verification::Outcome::kGood);
  }
}

TEST_P(SmallReplicaTest, BytesThatDoNotMatchOrAreMissingCondemnIt) {
  const ChunkId chunk(1);
  MakeWhole(chunk, "abc");
  Finalize(chunk, "abc");
  const std::string disk = Find(chunk)->disk().path();
  const ReplicaRecord record = [&] {
    ReplicaRecord found;
    store_.reset();
    const auto index = OpenIndex(disk);
    EXPECT_OK(index->ForEachReplica([&](ReplicaRecord read) {
      found = std::move(read);
      return absl::OkStatus();
    }));
    const ReplicaIndex::Whole whole = {found, {.end = 3}, "abd"};
    EXPECT_OK(index->PutWhole({&whole, 1}, WriteMode::kSynced));
    return found;
  }();
  EXPECT_TRUE(record.in_index);
  Open();
  EXPECT_THAT(ReadServed(chunk), StatusIs(Code::kDataLoss));
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kCorrupt);
  EXPECT_EQ(store_->Verify(chunk).value().outcome, Verification::Outcome::kCondemned);
  // Right again: a check of the whole acquits it.
  store_.reset();
  ReplicaRecord corrupt = record;
  corrupt.state = ReplicaState::kCorrupt;
  const ReplicaIndex::Whole whole = {corrupt, {.end = 3}, "abc"};
  ASSERT_OK(OpenIndex(disk)->PutWhole({&whole, 1}, WriteMode::kSynced));
  Open();
  EXPECT_EQ(store_->Verify(chunk).value().outcome, Verification::Outcome::kGood);
  EXPECT_EQ(ReadServed(chunk).value(), "abc");
  store_.reset();
  ASSERT_OK(OpenIndex(disk)->Remove(chunk, WriteMode::kSynced));
  ASSERT_OK(OpenIndex(disk)->PutReplica(record, WriteMode::kSynced));
  Open();
  EXPECT_THAT(ReadServed(chunk), StatusIs(Code::kDataLoss));
}

TEST_P(SmallReplicaTest, ADamagedRowCondemnsItAtOnce) {
  if (GetParam() == IndexKind::kMemory) GTEST_SKIP() << "needs an index that has files";
  const ChunkId chunk(1);
  const std::string text = RandomText(20'000);
  Create(chunk, 20'000);
  ASSERT_OK(AppendWhole(chunk, text));
  Finalize(chunk, text);
  const std::string index = Find(chunk)->disk().path() + "/index";
  Open();  // out of the log into a table
  store_.reset();
  ASSERT_OK_AND_ASSIGN(const auto names, machine_.fs()->List(index));
  for (const std::string& name : names) {
    if (!name.ends_with(".sst")) continue;
    const std::string path = fmt::format("{}/{}", index, name);
    ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFileToString(machine_.fs(), path));
    const size_t at = bytes.find(text.substr(10'000, 100));
    if (at != std::string::npos) Overwrite(path, at, "xyz");
  }
  Open();
  EXPECT_THAT(ReadServed(chunk), StatusIs(Code::kDataLoss));
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kCorrupt);
}

TEST_P(SmallReplicaTest, ACopyTakesItsPlace) {
  const ChunkId chunk(1);
  MakeWhole(chunk, "abc");
  Finalize(chunk, "abc");
  const std::string disk = Find(chunk)->disk().path();
  EXPECT_THAT(Find(chunk)->Condemn("for the test"), StatusIs(Code::kDataLoss));
  CopyIn(chunk, "abc");
  EXPECT_EQ(ReadServed(chunk).value(), "abc");
  EXPECT_TRUE(HasFile(chunk));
  for (size_t at = 0; at < store_->disk_count(); ++at) store_->RemoveReplaced(at);
  PowerCut();
  EXPECT_EQ(ReadServed(chunk).value(), "abc");
  store_.reset();
  EXPECT_THAT(OpenIndex(disk)->LoadPayload(chunk), StatusIs(Code::kNotFound));
}

TEST_P(SmallReplicaTest, OneThatIsHeldWhileItIsRemovedStaysRemoved) {
  if (GetParam() == IndexKind::kRocks) GTEST_SKIP() << "needs an index whose writes fail";
  const ChunkId chunk(1);
  Create(chunk);
  machine_.FailIndexWrites(UnavailableError("too many open files"));
  EXPECT_FALSE(AppendWhole(chunk, "abc").ok());
  // The latch could not be stored, and holds all the same.
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kFenced);
  ExpectDigestsOfWhatIsHere();
  machine_.FailIndexWrites(absl::OkStatus());
  const std::shared_ptr<Replica> held = Find(chunk);
  ASSERT_OK(store_->Remove(chunk));
  EXPECT_THAT(held->Fence(0), StatusIs(Code::kAborted));
  EXPECT_THAT(held->Finalize(0, 0), StatusIs(Code::kAborted));
  EXPECT_EQ(held->facts().report.state, ReplicaState::kRemoved);
  ExpectDigestsOfWhatIsHere();
  Open();
  EXPECT_THAT(store_->Find(chunk), StatusIs(Code::kNotFound));
}

TEST_P(SmallReplicaTest, AJudgementOutlivesALatchThatCouldNotBeStored) {
  if (GetParam() == IndexKind::kRocks) GTEST_SKIP() << "needs an index whose writes fail";
  const ChunkId chunk(1);
  Create(chunk);
  machine_.FailIndexWrites(UnavailableError("too many open files"));
  EXPECT_FALSE(AppendWhole(chunk, "abc").ok());
  machine_.FailIndexWrites(absl::OkStatus());
  EXPECT_THAT(Find(chunk)->Condemn("test"), StatusIs(Code::kDataLoss));
  ASSERT_OK(Find(chunk)->Fence(0));
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kCorrupt);
}

TEST_P(SmallReplicaTest, KeepsItsPromisesThroughKillsAndPowerCuts) {
  struct Whole {
    std::string text;
    bool whole = false;
  };
  std::map<ChunkId, Whole> promises;
  uint64_t next_chunk = 1;
  for (int step = 0; step < 200 && !HasFailure(); ++step) {
    const auto chosen =
        promises.empty()
            ? promises.end()
            : std::next(promises.begin(), static_cast<ptrdiff_t>(Below(promises.size())));
    ExpectDigestsOfWhatIsHere();
    switch (Below(chosen == promises.end() ? 1 : 7)) {
      case 0:
        Create(ChunkId(next_chunk), 2000);
        promises[ChunkId(next_chunk++)].text = RandomText(1 + Below(2000));
        break;
      case 1:
      case 2:
        if (!chosen->second.whole) {
          const bool open = Find(chosen->first)->facts().report.state == ReplicaState::kOpen;
          EXPECT_EQ(AppendWhole(chosen->first, chosen->second.text).ok(), open);
          chosen->second.whole = open;
        }
        break;
      case 3:
        if (chosen->second.whole) Finalize(chosen->first, chosen->second.text);
        break;
      case 4:
        ASSERT_OK(store_->Remove(chosen->first));
        promises.erase(chosen);
        break;
      case 5:
        Open();
        EXPECT_EQ(store_->size(), promises.size()) << "the death of a process forgets nothing";
        break;
      case 6:
        PowerCut();
        std::erase_if(promises, [&](const auto& entry) {
          return !entry.second.whole && !store_->Find(entry.first).ok();
        });
        EXPECT_EQ(store_->size(), promises.size()) << "a removal is remembered";
        break;
    }
    for (const auto& [chunk, promise] : promises) {
      EXPECT_EQ(ReadAll(chunk).value_or("not read"), promise.whole ? promise.text : "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Both, SmallReplicaTest,
                         ::testing::Values(IndexKind::kRocks, IndexKind::kMemory),
                         [](const auto& kind) {
                           return kind.param == IndexKind::kRocks ? "Rocks" : "Memory";
                         });

}  // namespace
}  // namespace quern::chunkserver
