// What every ReplicaIndex must do.
#include "chunkserver/store/replica_index.h"

#include <rocksdb/perf_context.h>
#include <rocksdb/perf_level.h>

#include <limits>

#include "tests/chunkserver/store/index_kinds.h"
#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using namespace std::string_view_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReplicaIndexTest : public ::testing::TestWithParam<IndexKind> {
 protected:
  ReplicaIndexTest() : machine_(GetParam()) { Open(/*create=*/true); }

  void Open(bool create = false) {
    index_.reset();
    auto index = machine_.opener()(machine_.dir() + "/index", create);
    ASSERT_OK(index);
    index_ = *std::move(index);
  }
  static ReplicaRecord Record(uint64_t chunk, uint64_t length = 0) {
    ReplicaRecord record;
    record.spec.chunk = ChunkId(chunk);
    record.spec.capacity_bytes = 1000;
    record.spec.chain = {{ServerId(1), "a:1"}, {ServerId(2), "b:2"}};
    record.spec.position = 1;
    record.spec.boot_id = "boot";
    record.length = length;
    return record;
  }
  static AppendRecord Append(uint64_t start, uint64_t end) {
    return {.start = start,
            .end = end,
            .payload_crc = 1,
            .producer = 2,
            .seq = 3,
            .committed = 4,
            .running_crc = 5,
            .closed_blocks = {6, 7},
            .tail_crc = 8,
            .synced = true};
  }
  std::vector<uint64_t> Chunks() {
    std::vector<uint64_t> chunks;
    EXPECT_OK(index_->ForEachReplica([&](const ReplicaRecord& record) {
      chunks.push_back(record.spec.chunk.value());
      return absl::OkStatus();
    }));
    return chunks;
  }

  TestMachine machine_;
  std::unique_ptr<ReplicaIndex> index_;
};

TEST_P(ReplicaIndexTest, GivesBackWhatWasPut) {
  EXPECT_THAT(index_->LoadIdentity(), StatusIs(absl::StatusCode::kNotFound));
  const DiskIdentity identity{.server_uuid = "s",
                              .disk_uuid = "d",
                              .cluster_id = "c",
                              .followed = {3, 5, 4},
                              .disks = {{"d", "/a", false}, {"e", "/b", true}}};
  ASSERT_OK(index_->PutIdentity(identity, WriteMode::kSynced));
  ReplicaRecord record = Record(7, 20);
  record.state = ReplicaState::kFenced;
  record.suspect = true;
  record.crc = 9;
  record.synced = 10;
  record.since_ms = 11;
  ASSERT_OK(index_->PutReplica(record, WriteMode::kUnsynced));
  ASSERT_OK(index_->PutReplica(Record(300), WriteMode::kUnsynced));
  ASSERT_OK(index_->PutAppend(ChunkId(7), Append(10, 300), WriteMode::kUnsynced));
  ASSERT_OK(index_->PutAppend(ChunkId(7), Append(0, 10), WriteMode::kUnsynced));
  Open();
  EXPECT_EQ(index_->LoadIdentity().value(), identity);
  EXPECT_THAT(Chunks(), ElementsAre(7, 300));
  EXPECT_THAT(index_->LoadAppends(ChunkId(7)).value(), ElementsAre(Append(0, 10), Append(10, 300)));
  EXPECT_THAT(index_->LoadAppends(ChunkId(8)).value(), IsEmpty());
  EXPECT_THAT(index_->LoadSums(ChunkId(7)), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(index_->ForEachReplica([&](const ReplicaRecord& read) {
    if (read.spec.chunk != ChunkId(7)) return absl::OkStatus();
    EXPECT_EQ(read.state, record.state);
    EXPECT_EQ(read.suspect, record.suspect);
    EXPECT_EQ(read.length, record.length);
    EXPECT_EQ(read.crc, record.crc);
    EXPECT_EQ(read.synced, record.synced);
    EXPECT_EQ(read.since_ms, record.since_ms);
    EXPECT_EQ(read.spec.chain, record.spec.chain);
    EXPECT_EQ(read.spec.position, record.spec.position);
    EXPECT_EQ(read.spec.boot_id, record.spec.boot_id);
    return absl::OkStatus();
  }));
}

TEST_P(ReplicaIndexTest, SumsTakeThePlaceOfAppends) {
  const SealedSums sums{.blocks = {1, 2, 3}, .producers = {{4, 5}}};
  ASSERT_OK(index_->PutAppend(ChunkId(7), Append(0, 10), WriteMode::kUnsynced));
  ASSERT_OK(index_->PutAppend(ChunkId(8), Append(0, 10), WriteMode::kUnsynced));
  ASSERT_OK(index_->PutSealed(Record(7, 10), sums, WriteMode::kUnsynced));
  EXPECT_THAT(index_->LoadAppends(ChunkId(7)).value(), IsEmpty());
  EXPECT_EQ(index_->LoadAppends(ChunkId(8)).value().size(), 1u);
  EXPECT_EQ(index_->LoadSums(ChunkId(7)).value(), sums);
  ASSERT_OK(index_->Remove(ChunkId(7), WriteMode::kUnsynced));
  EXPECT_THAT(index_->LoadSums(ChunkId(7)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Chunks(), IsEmpty());
  EXPECT_OK(index_->Remove(ChunkId(7), WriteMode::kUnsynced)) << "nothing there";
}

TEST_P(ReplicaIndexTest, BytesThatCameWholeStayWhileTheRecordSaysSo) {
  ReplicaRecord record = Record(7, 3);
  record.in_index = true;
  const ReplicaIndex::Whole whole = {record, Append(0, 3), std::string("a\0c", 3)};
  ASSERT_OK(index_->PutWhole({&whole, 1}, WriteMode::kSynced));
  Open();
  EXPECT_EQ(index_->LoadPayload(ChunkId(7)).value(), whole.payload);
  EXPECT_THAT(index_->LoadAppends(ChunkId(7)).value(), ElementsAre(Append(0, 3)));
  EXPECT_THAT(index_->LoadPayload(ChunkId(8)), StatusIs(absl::StatusCode::kNotFound));
  const SealedSums sums{.blocks = {1}, .producers = {{4, 5}}};
  ASSERT_OK(index_->PutSealed(record, sums, WriteMode::kUnsynced));
  EXPECT_EQ(index_->LoadPayload(ChunkId(7)).value(), whole.payload);
  ASSERT_OK(index_->ForEachReplica([](const ReplicaRecord& read) {
    EXPECT_TRUE(read.in_index);
    return absl::OkStatus();
  }));
  record.in_index = false;  // a copy has a file
  ASSERT_OK(index_->PutSealed(record, sums, WriteMode::kUnsynced));
  EXPECT_THAT(index_->LoadPayload(ChunkId(7)), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(index_->PutWhole({&whole, 1}, WriteMode::kUnsynced));
  ASSERT_OK(index_->Remove(ChunkId(7), WriteMode::kUnsynced));
  EXPECT_THAT(index_->LoadPayload(ChunkId(7)), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(ReplicaIndexTest, ACutDropsWhatEndsBeyondTheLength) {
  for (const uint64_t end : {10, 20, 30}) {
    ASSERT_OK(index_->PutAppend(ChunkId(7), Append(end - 10, end), WriteMode::kUnsynced));
  }
  ASSERT_OK(index_->PutCut(Record(7, 20), WriteMode::kUnsynced));
  EXPECT_THAT(index_->LoadAppends(ChunkId(7)).value(), ElementsAre(Append(0, 10), Append(10, 20)));
}

TEST_P(ReplicaIndexTest, ASyncedWriteTakesEarlierOnesWithItAndLaterOnesMayBeForgotten) {
  ASSERT_OK(index_->PutReplica(Record(1), WriteMode::kUnsynced));
  ASSERT_OK(index_->PutReplica(Record(2), WriteMode::kSynced));
  ASSERT_OK(index_->PutReplica(Record(3), WriteMode::kUnsynced));
  machine_.PowerCut();
  index_.reset();
  machine_.PowerOn();
  Open();
  EXPECT_THAT(Chunks(), ElementsAre(1, 2));
}

TEST_P(ReplicaIndexTest, StopsAtTheFirstErrorOfAVisitor) {
  ASSERT_OK(index_->PutReplica(Record(1), WriteMode::kUnsynced));
  ASSERT_OK(index_->PutReplica(Record(2), WriteMode::kUnsynced));
  int visited = 0;
  EXPECT_THAT(index_->ForEachReplica([&](const ReplicaRecord&) {
    ++visited;
    return AbortedError("enough");
  }),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(visited, 1);
}

// Their rows are gone, but RocksDB keeps a mark of each until it compacts them.
TEST_P(ReplicaIndexTest, ARemovalDoesNotWalkThroughWhatNewerChunksRemoved) {
  if (GetParam() == IndexKind::kMemory) GTEST_SKIP() << "of RocksDB";
  constexpr uint64_t kNewer = 10'000;
  for (uint64_t chunk = 1001; chunk <= 1000 + kNewer; ++chunk) {
    ASSERT_OK(index_->PutAppend(ChunkId(chunk), Append(0, 10), WriteMode::kUnsynced));
    ASSERT_OK(index_->PutSealed(Record(chunk, 10), {}, WriteMode::kUnsynced));
    ASSERT_OK(index_->Remove(ChunkId(chunk), WriteMode::kUnsynced));
  }
  const rocksdb::PerfLevel before = rocksdb::GetPerfLevel();
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
  const rocksdb::PerfContext& counts = *rocksdb::get_perf_context();
  rocksdb::get_perf_context()->Reset();
  ASSERT_OK(index_->Remove(ChunkId(1), WriteMode::kUnsynced));
  EXPECT_LT(counts.internal_delete_skipped_count, 10u);
  rocksdb::get_perf_context()->Reset();
  EXPECT_THAT(index_->LoadAppends(ChunkId(1)).value(), IsEmpty());
  EXPECT_LT(counts.internal_delete_skipped_count, 10u);
  // What is looked at is counted: one mark of its own.
  rocksdb::get_perf_context()->Reset();
  EXPECT_THAT(index_->LoadAppends(ChunkId(1001)).value(), IsEmpty());
  EXPECT_GE(counts.internal_delete_skipped_count, 1u);
  rocksdb::SetPerfLevel(before);
}

// The rows of a chunk end where the last possible one does.
TEST_P(ReplicaIndexTest, AppendsOfTheLargestIdsAndOffsetsAreFound) {
  constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();
  for (const uint64_t chunk : {kLast, uint64_t{7}}) {
    ASSERT_OK(index_->PutAppend(ChunkId(chunk), Append(0, kLast), WriteMode::kUnsynced));
    EXPECT_THAT(index_->LoadAppends(ChunkId(chunk)).value(), ElementsAre(Append(0, kLast)));
    ASSERT_OK(index_->Remove(ChunkId(chunk), WriteMode::kUnsynced));
    EXPECT_THAT(index_->LoadAppends(ChunkId(chunk)).value(), IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(Both, ReplicaIndexTest,
                         ::testing::Values(IndexKind::kRocks, IndexKind::kMemory),
                         [](const auto& kind) {
                           return kind.param == IndexKind::kRocks ? "Rocks" : "Memory";
                         });

}  // namespace
}  // namespace quern::chunkserver
