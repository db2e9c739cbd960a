// A chunk store on a machine of two disks that can lose its power, for tests over both kinds of
// index.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chunkserver/store/chunk_store.h"
#include "chunkserver/store/replica_reader.h"
#include "common/crc32c.h"
#include "tests/chunkserver/store/index_kinds.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::chunkserver {

class ChunkStoreFixture : public RandomTest, public ::testing::WithParamInterface<IndexKind> {
 protected:
  ChunkStoreFixture() : machine_(GetParam()) { Open(); }

  ChunkStoreOptions Options() {
    ChunkStoreOptions options;
    options.dirs = {machine_.dir(0), machine_.dir(1)};
    options.boot_id = fmt::format("boot-{}", boot_);
    options.reserve_bytes = 1;
    options.fs = machine_.fs();
    options.clock = &clock_;
    options.open_index = machine_.opener();
    return options;
  }
  void Open() {
    store_.reset();
    auto store = ChunkStore::Open(Options());
    ASSERT_OK(store);
    store_ = *std::move(store);
  }
  void RemoveReplaced() {
    for (size_t disk = 0; disk < store_->disk_count(); ++disk) {
      EXPECT_EQ(store_->RemoveReplaced(disk), std::nullopt);
    }
  }
  void PowerCut() {
    machine_.PowerCut(OneIn(2) ? &random_ : nullptr);
    store_.reset();
    machine_.PowerOn();
    ++boot_;
    Open();
  }
  static ReplicaSpec Spec(ChunkId chunk, Durability durability = Durability::kOnClose) {
    ReplicaSpec spec{.chunk = chunk, .durability = durability, .capacity_bytes = 4 << 20};
    spec.chain = {{ServerId(1), "a:1"}};
    return spec;
  }
  std::shared_ptr<Replica> Find(ChunkId chunk) {
    auto replica = store_->Find(chunk);
    EXPECT_OK(replica);
    return replica.value_or(nullptr);
  }
  std::string DataPath(ChunkId chunk) {
    return fmt::format("{}/data/{:02x}/{:016x}", Find(chunk)->disk().path(), chunk.value() & 0xff,
                       chunk.value());
  }
  absl::Status Append(ChunkId chunk, std::string_view text, uint64_t seq = 1) {
    const std::shared_ptr<Replica> replica = Find(chunk);
    const iovec part{const_cast<char*>(text.data()), text.size()};
    const uint64_t offset = replica->facts().report.length;
    const PayloadSums sums = SumPayload(offset, {&part, 1});
    return replica
        ->Append({.offset = offset,
                  .producer = 7,
                  .seq = seq,
                  .committed = 0,
                  .payload = {&part, 1},
                  .sums = &sums})
        .status();
  }
  // Every byte, through the checks.
  absl::StatusOr<std::string> ReadAll(ChunkId chunk) {
    ASSIGN_OR_RETURN(std::shared_ptr<Replica> replica, store_->Find(chunk));
    ASSIGN_OR_RETURN(const auto reader, ReplicaReader::OpenToVerify(replica));
    return ReadWith(reader.get());
  }
  absl::StatusOr<std::string> ReadWith(ReplicaReader* reader) {
    std::string all;
    std::string buffer(kReadPieceBytes, '\0');
    while (true) {
      ASSIGN_OR_RETURN(const ReplicaReader::Piece piece,
                       reader->Read(all.size(), 1 + Below(200'000), buffer.data()));
      if (piece.bytes.empty()) return all;
      EXPECT_EQ(piece.crc, Crc32c(piece.bytes));
      all += piece.bytes;
    }
  }
  // As a reader gets it.
  absl::StatusOr<std::string> ReadServed(ChunkId chunk) {
    ASSIGN_OR_RETURN(std::shared_ptr<Replica> replica, store_->Find(chunk));
    ASSIGN_OR_RETURN(const auto reader, ReplicaReader::Open(replica));
    return ReadWith(reader.get());
  }
  ChunkId MakeSealed(ChunkId chunk, std::string_view text) {
    EXPECT_OK(store_->Create(Spec(chunk)));
    EXPECT_OK(Append(chunk, text));
    EXPECT_OK(Find(chunk)->Finalize(text.size(), Crc32c(text)));
    return chunk;
  }
  // One that came whole, so that its bytes are in the index.
  ChunkId MakeSealedInIndex(ChunkId chunk, std::string_view text) {
    ReplicaSpec spec = Spec(chunk);
    spec.capacity_bytes = kIndexedBytes;
    EXPECT_OK(store_->Create(spec));
    const iovec part{const_cast<char*>(text.data()), text.size()};
    const PayloadSums sums = SumPayload(0, {&part, 1});
    const Replica::Whole whole = {.replica = Find(chunk),
                                  .piece = {.offset = 0,
                                            .producer = 7,
                                            .seq = 1,
                                            .committed = 0,
                                            .payload = {&part, 1},
                                            .sums = &sums}};
    EXPECT_OK(Replica::AppendWhole({&whole, 1}));
    EXPECT_OK(Find(chunk)->Finalize(text.size(), Crc32c(text)));
    return chunk;
  }
  // Bytes that replicas hold or have reserved.
  uint64_t Used() {
    uint64_t sum = 0;
    for (const DiskStatus& disk : store_->Disks()) sum += disk.used_bytes;
    return sum;
  }
  // A copy from another server.
  void CopyIn(ChunkId chunk, std::string_view text, std::vector<ProducerSeq> producers = {},
              std::optional<size_t> disk = std::nullopt) {
    const SealedAs sealed{.length = text.size(), .crc = Crc32c(text)};
    ASSERT_OK_AND_ASSIGN(auto copy, store_->BeginCopy(chunk, sealed, disk));
    const iovec part{const_cast<char*>(text.data()), text.size()};
    ASSERT_OK(copy->Append({&part, 1}, SumPayload(0, {&part, 1})));
    copy->set_producers(std::move(producers));
    ASSERT_OK(store_->FinishCopy(std::move(copy), text.size(), Crc32c(text)));
  }
  void Move(const std::string& from, const std::string& to) { ASSERT_OK(machine_.Move(from, to)); }
  // Leaves an empty mount point, as a restart finds it.
  void Unmount(const std::string& dir) {
    store_.reset();
    Move(dir, dir + "-unmounted");
    ASSERT_OK(machine_.fs()->MakeDirs(dir));
    Open();
  }
  void Mount(const std::string& dir) {
    ASSERT_OK(machine_.fs()->RemoveTree(dir));
    Move(dir + "-unmounted", dir);
  }
  void Overwrite(const std::string& path, uint64_t offset, std::string_view bytes) {
    ASSERT_OK_AND_ASSIGN(const auto file, machine_.fs()->Open(path, {.write = true}));
    ASSERT_OK(file->Pwrite(bytes, offset));
    ASSERT_OK(file->Datasync());
  }
  std::string RandomText(size_t n) {
    std::string text(n, '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }

  SimulatedClock clock_;
  TestMachine machine_;
  int boot_ = 1;
  std::unique_ptr<ChunkStore> store_;
};

}  // namespace quern::chunkserver
