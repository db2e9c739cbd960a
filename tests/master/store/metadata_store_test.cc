// What both metadata stores promise, and what only the one on disk has to: to come back, and to
// refuse a database that is lost or old.
#include "master/store/metadata_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/storage/identity_marker.h"
#include "master/logic/metadata_view.h"
#include "master/store/memory_metadata_store.h"
#include "master/store/rocks_metadata_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using Rows = std::vector<std::pair<std::string, std::string>>;

WriteSet Put(Table table, const std::string& key, const std::string& value) {
  WriteSet changes;
  changes.rows[static_cast<size_t>(table)][key] = value;
  return changes;
}

Rows Scan(const RowReader& reader, Table table, std::string_view from = "",
          std::string_view to = "") {
  Rows rows;
  reader.Scan(table, from, to, [&](std::string_view key, std::string_view value) {
    rows.emplace_back(key, value);
    return true;
  });
  return rows;
}

class MetadataStoreTest : public ::testing::TestWithParam<std::string> {
 protected:
  MetadataStoreTest() {
    if (GetParam() == "memory") {
      store_ = std::make_unique<MemoryMetadataStore>();
      return;
    }
    RocksMetadataStore::Options options;
    options.dir = dir_ / "m";
    auto store = RocksMetadataStore::Open(options);
    EXPECT_OK(store.status());
    store_ = *std::move(store);
  }
  TempDir dir_;
  std::unique_ptr<MetadataStore> store_;
};

TEST_P(MetadataStoreTest, AWriteIsSeenAsAWhole) {
  WriteSet changes = Put(Table::kInodes, "a", "1");
  changes.rows[static_cast<size_t>(Table::kChunks)]["c"] = "2";
  ASSERT_OK(store_->Write(changes));
  const auto latest = store_->Latest();
  EXPECT_EQ(latest->Get(Table::kInodes, "a"), "1");
  EXPECT_EQ(latest->Get(Table::kChunks, "c"), "2");
  EXPECT_EQ(latest->Get(Table::kChunks, "a"), std::nullopt) << "tables are apart";
  WriteSet removal;
  removal.rows[static_cast<size_t>(Table::kInodes)]["a"] = std::nullopt;
  ASSERT_OK(store_->Write(removal));
  EXPECT_EQ(latest->Get(Table::kInodes, "a"), std::nullopt);
  EXPECT_OK(latest->status());
}

TEST_P(MetadataStoreTest, ASnapshotDoesNotMove) {
  ASSERT_OK(store_->Write(Put(Table::kInodes, "a", "1")));
  const auto snapshot = store_->Snapshot();
  const auto latest = store_->Latest();
  ASSERT_OK(store_->Write(Put(Table::kInodes, "a", "2")));
  ASSERT_OK(store_->Write(Put(Table::kInodes, "b", "3")));
  EXPECT_THAT(Scan(*snapshot, Table::kInodes), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(latest->Get(Table::kInodes, "a"), "2");
}

TEST_P(MetadataStoreTest, ScansRangesInByteOrder) {
  for (const char* key : {"b", "a", "ab", "\xff", "c"}) {
    ASSERT_OK(store_->Write(Put(Table::kDentries, key, key)));
  }
  const auto reader = store_->Snapshot();
  EXPECT_THAT(Scan(*reader, Table::kDentries, "ab", "c"),
              ElementsAre(Pair("ab", "ab"), Pair("b", "b")));
  EXPECT_THAT(Scan(*reader, Table::kDentries, "c"),
              ElementsAre(Pair("c", "c"), Pair("\xff", "\xff")));
  int visited = 0;
  reader->Scan(Table::kDentries, "", "", [&](auto, auto) { return ++visited < 2; });
  EXPECT_EQ(visited, 2);
}

TEST_P(MetadataStoreTest, KeepsTheTailOfTheLog) {
  for (uint64_t index = 1; index <= 10; ++index) {
    WriteSet changes;
    changes.log.push_back({index, "r" + std::to_string(index)});
    if (index == 10) changes.log_begin = 4;
    ASSERT_OK(store_->Write(changes));
  }
  ASSERT_OK_AND_ASSIGN(const auto all, store_->ReadLog(0));
  EXPECT_EQ(all.size(), 7u);
  EXPECT_EQ(all.front().index, 4u);
  ASSERT_OK_AND_ASSIGN(const auto tail, store_->ReadLog(9));
  ASSERT_EQ(tail.size(), 2u);
  EXPECT_EQ(tail[1].record, "r10");
}

INSTANTIATE_TEST_SUITE_P(Twins, MetadataStoreTest, ::testing::Values("memory", "rocks"),
                         [](const auto& test) { return test.param; });

class RocksMetadataStoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<RocksMetadataStore>> Open(const std::string& name = "m") {
    RocksMetadataStore::Options options;
    options.dir = dir_ / name;
    return RocksMetadataStore::Open(options);
  }
  // A start of a master: the rows carry the term, then the marker does.
  void BeginTerm(RocksMetadataStore* store, uint64_t term) {
    pb::MetaRow meta;
    meta.set_cluster_id("c");
    meta.set_term(term);
    ASSERT_OK(store->Write(Put(Table::kMeta, std::string(kMetaKey), meta.SerializeAsString())));
    ASSERT_OK(store->MarkTerm("c", term));
  }
  TempDir dir_;
};

TEST_F(RocksMetadataStoreTest, ComesBackWithEverything) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    BeginTerm(store.get(), 1);
    ASSERT_OK(store->Write(Put(Table::kInodes, "a", "1")));
  }
  ASSERT_OK_AND_ASSIGN(const auto store, Open());
  EXPECT_EQ(store->Latest()->Get(Table::kInodes, "a"), "1");
}

TEST_F(RocksMetadataStoreTest, RefusesToStartWithoutItsDatabase) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    BeginTerm(store.get(), 1);
  }
  ASSERT_OK(FileSystem::Real()->RemoveTree(dir_ / "m/metadata"));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("backup")));
}

TEST_F(RocksMetadataStoreTest, RefusesAnOldCopyOfItsDatabase) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    BeginTerm(store.get(), 4);
  }
  // The marker has gone on, the database is an old copy.
  IdentityMarker marker{.role = "master", .cluster_id = "c", .id = "1", .sequence = 5};
  ASSERT_OK(WriteIdentityMarker(FileSystem::Real(), dir_ / "m", marker));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("older")));
  marker.sequence = 4;
  marker.cluster_id = "another";
  ASSERT_OK(WriteIdentityMarker(FileSystem::Real(), dir_ / "m", marker));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RocksMetadataStoreTest, ADamagedMarkerIsNotTakenForAFirstStart) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, Open());
    BeginTerm(store.get(), 1);
  }
  ASSERT_OK(FileSystem::Real()->RemoveTree(dir_ / "m/metadata"));
  ASSERT_OK(WriteFileDurably(FileSystem::Real(), dir_ / "m/IDENTITY", "rubbish"));
  EXPECT_THAT(Open(), Not(IsOk()));
}

}  // namespace
}  // namespace quern::master
