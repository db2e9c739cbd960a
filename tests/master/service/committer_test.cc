// Group commit: what is decided on, what is durable, and what a restart finds.
#include "master/service/committer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "common/notification.h"
#include "master/logic/namespace_tree.h"
#include "master/store/memory_metadata_store.h"
#include "master/store/rocks_metadata_store.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::master {
namespace {

using ::testing::HasSubstr;

// Holds writes back until told.
class GatedStore : public MemoryMetadataStore {
 public:
  absl::Status Write(const WriteSet& changes) override {
    MutexLock lock(&mutex_);
    ++writes_;
    changed_.SignalAll();
    while (closed_) changed_.Wait(&mutex_);
    return MemoryMetadataStore::Write(changes);
  }
  void Close(bool closed) {
    MutexLock lock(&mutex_);
    closed_ = closed;
    changed_.SignalAll();
  }
  void AwaitWrites(int count) {
    MutexLock lock(&mutex_);
    while (writes_ < count) changed_.Wait(&mutex_);
  }
  int writes() {
    MutexLock lock(&mutex_);
    return writes_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int writes_ ABSL_GUARDED_BY(mutex_) = 0;
};

class CommitterTest : public ::testing::Test {
 protected:
  std::unique_ptr<Committer> Start(MetadataStore* store) {
    auto committer =
        Committer::Start(store, Clock::Real(), [this](const pb::LogRecord&) { ++applied_; });
    EXPECT_OK(committer.status());
    EXPECT_OK(
        (*committer)
            ->Commit([](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
              if (!view.Meta().cluster_id().empty()) return std::nullopt;
              pb::LogRecord record;
              record.mutable_format()->set_cluster_id("c");
              return record;
            }));
    return *std::move(committer);
  }
  static pb::MkdirsRequest Request(const std::string& path, uint64_t id, bool parents = false) {
    pb::MkdirsRequest request;
    request.mutable_header()->set_client_id(7);
    request.mutable_header()->set_request_id(id);
    request.set_path(path);
    request.set_parents(parents);
    return request;
  }
  static absl::StatusOr<pb::MkdirsResponse> Mkdirs(Committer* committer,
                                                   const pb::MkdirsRequest& request) {
    return committer->Answer<pb::MkdirsResponse>(request.header(), [&](const MetadataView& view) {
      return NamespaceTree(view, 1).Mkdirs(request);
    });
  }
  std::atomic<int> applied_ = 0;
};

TEST_F(CommitterTest, WaitingRecordsShareOneWrite) {
  GatedStore store;
  const auto committer = Start(&store);
  const int before = store.writes();
  store.Close(true);
  std::vector<std::thread> callers;
  std::latch undecided(20);
  for (uint64_t i = 0; i < 20; ++i) {
    callers.emplace_back([&, i] {
      const auto request = Request("/d" + std::to_string(i), i + 1);
      EXPECT_OK(
          committer->Answer<pb::MkdirsResponse>(request.header(), [&](const MetadataView& view) {
            undecided.count_down();
            return NamespaceTree(view, 1).Mkdirs(request);
          }));
    });
  }
  undecided.wait();
  store.Close(false);
  for (std::thread& caller : callers) caller.join();
  // The first, those that waited for it, and the last if it was not in line yet.
  EXPECT_LE(store.writes() - before, 3);
  EXPECT_EQ(committer->committed_index(), 21u);
  EXPECT_EQ(applied_, 21);
}

TEST_F(CommitterTest, ManyChangesOfOneCallerShareOneWriteAndAreDecidedEachOnTheLast) {
  GatedStore store;
  const auto committer = Start(&store);
  const int before = store.writes();
  std::vector<Committer::Decide> decisions;
  for (int i = 0; i < 50; ++i) {
    decisions.emplace_back(
        [&, i](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
          if (i == 7) return InternalError("seven");
          pb::LogRecord record;
          record.mutable_reserve_chunk_ids()->set_next_chunk(view.Meta().next_chunk() + 10);
          return record;
        });
  }
  EXPECT_THAT(committer->CommitAll(decisions), StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(store.writes() - before, 1);
  const std::unique_ptr<RowReader> rows = committer->Snapshot();
  EXPECT_EQ(MetadataView(*rows).Meta().next_chunk(), 1u + 490u);
}

// Each decision takes a millisecond, and a waiter some time to wake up.
TEST_F(CommitterTest, ManyChangesOfOneCallerLetOthersInAndAnswerThem) {
  constexpr int kDecisions = 200;
  GatedStore store;
  const auto committer = Start(&store);
  std::atomic<int> decided = 0;
  std::atomic<int> decided_before = kDecisions;
  Notification begun;
  Notification answered;
  std::thread other([&] {
    begun.Wait();
    committer->CommitLater(
        [](const MetadataView&) -> absl::StatusOr<std::optional<pb::LogRecord>> {
          return std::nullopt;
        },
        [&](const absl::Status& status) {
          EXPECT_OK(status);
          decided_before = decided.load();
          answered.Notify();
        });
  });
  std::vector<Committer::Decide> decisions;
  for (int i = 0; i < kDecisions; ++i) {
    decisions.emplace_back(
        [&](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
          if (decided++ == 0) begun.Notify();
          const absl::Time end = absl::Now() + absl::Milliseconds(1);
          while (absl::Now() < end) continue;
          pb::LogRecord record;
          record.mutable_reserve_chunk_ids()->set_next_chunk(view.Meta().next_chunk() + 10);
          return record;
        });
  }
  EXPECT_OK(committer->CommitAll(decisions));
  answered.Wait();
  other.join();
  EXPECT_LT(decided_before, kDecisions / 2);
}

TEST_F(CommitterTest, WhatIsDecidedTogetherIsWrittenOnceUnlessSomebodyWaits) {
  GatedStore store;
  const auto committer = Start(&store);
  const int before = store.writes();
  std::latch answered(30);
  const auto decide = [&](uint64_t i) {
    const auto request = Request("/d" + std::to_string(i), i);
    committer->AnswerLater<pb::MkdirsResponse>(
        request.header(),
        [&](const MetadataView& view) { return NamespaceTree(view, 1).Mkdirs(request); },
        [&](const absl::StatusOr<pb::MkdirsResponse>& answer) {
          EXPECT_OK(answer.status());
          answered.count_down();
        });
  };
  {
    const Committer::Together together(committer.get());
    for (uint64_t i = 1; i <= 10; ++i) decide(i);
    // Blocks, and would for ever: the end of `together` comes after it.
    EXPECT_THAT(Mkdirs(committer.get(), Request("/d3", 11)),
                StatusIs(absl::StatusCode::kAlreadyExists));
    EXPECT_EQ(store.writes() - before, 1);
    for (uint64_t i = 12; i <= 31; ++i) decide(i);
  }
  answered.wait();
  EXPECT_EQ(store.writes() - before, 2);
}

TEST_F(CommitterTest, CommitLaterDoesNotWaitForTheDisk) {
  GatedStore store;
  const auto committer = Start(&store);
  store.Close(true);
  Notification durable;
  std::atomic<bool> told = false;
  committer->CommitLater(
      [](const MetadataView&) -> absl::StatusOr<std::optional<pb::LogRecord>> {
        pb::LogRecord record;
        record.mutable_forget_requests();
        return record;
      },
      [&](const absl::Status& status) {
        EXPECT_OK(status);
        told = true;
        durable.Notify();
      });
  EXPECT_FALSE(told);
  // An error is told no sooner than what it was based on is on the disk.
  Notification refused;
  committer->CommitLater(
      [](const MetadataView&) -> absl::StatusOr<std::optional<pb::LogRecord>> {
        return NotFoundError("no");
      },
      [&](const absl::Status& status) {
        EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
        EXPECT_TRUE(told);
        refused.Notify();
      });
  store.Close(false);
  durable.Wait();
  refused.Wait();
}

TEST_F(CommitterTest, DecisionsSeeRecordsOnTheirWayButNobodyIsAnsweredBefore) {
  GatedStore store;
  const auto committer = Start(&store);
  store.Close(true);
  std::atomic<int> answered = 0;
  std::thread first([&] {
    EXPECT_OK(Mkdirs(committer.get(), Request("/a", 1)));
    ++answered;
  });
  store.AwaitWrites(store.writes() == 1 ? 2 : store.writes());
  // Both of these rest on the record that is not durable yet.
  std::thread second([&] {
    EXPECT_THAT(Mkdirs(committer.get(), Request("/a", 2)),
                StatusIs(absl::StatusCode::kAlreadyExists));
    ++answered;
  });
  std::thread third([&] {
    EXPECT_OK(Mkdirs(committer.get(), Request("/a/b", 3)));
    ++answered;
  });
  EXPECT_EQ(answered, 0);
  store.Close(false);
  for (std::thread* thread : {&first, &second, &third}) thread->join();
  EXPECT_EQ(answered, 3);
}

TEST_F(CommitterTest, ARestartRecoversRowsAnswersAndIndices) {
  TempDir dir;
  RocksMetadataStore::Options options;
  options.dir = dir / "m";
  uint64_t inode = 0;
  uint64_t index = 0;
  {
    ASSERT_OK_AND_ASSIGN(const auto store, RocksMetadataStore::Open(options));
    const auto committer = Start(store.get());
    ASSERT_OK_AND_ASSIGN(const auto response, Mkdirs(committer.get(), Request("/a", 1)));
    inode = response.inode_id();
    index = committer->committed_index();
  }
  ASSERT_OK_AND_ASSIGN(const auto store, RocksMetadataStore::Open(options));
  const auto committer = Start(store.get());
  EXPECT_EQ(committer->committed_index(), index);
  ASSERT_OK_AND_ASSIGN(const auto again, Mkdirs(committer.get(), Request("/a", 1)));
  EXPECT_EQ(again.inode_id(), inode) << "the answer of the first try, not AlreadyExists";
  auto later = Request("/b", 2);
  later.mutable_header()->set_lowest_outstanding(2);
  ASSERT_OK(Mkdirs(committer.get(), later));
  EXPECT_THAT(Mkdirs(committer.get(), Request("/a", 1)),
              StatusIs(absl::StatusCode::kFailedPrecondition))
      << "its client said that the answer had arrived";
}

TEST_F(CommitterTest, ALateDuplicateOfAForgottenRequestChangesNothingAlsoAfterARestart) {
  MemoryMetadataStore store;
  const auto remove = [](Committer* committer, uint64_t id) {
    pb::DeleteRequest request;
    *request.mutable_header() = Request("", id).header();
    request.set_path("/a");
    return committer->Answer<pb::DeleteResponse>(request.header(), [&](const MetadataView& view) {
      return NamespaceTree(view, 1).Delete(request);
    });
  };
  const auto acknowledged = [](std::string path, uint64_t id) {
    auto request = Request(path, id);
    request.mutable_header()->set_lowest_outstanding(id);
    return request;
  };
  {
    const auto committer = Start(&store);
    ASSERT_OK(Mkdirs(committer.get(), Request("/a", 1)));
    ASSERT_OK(remove(committer.get(), 2));
    ASSERT_OK(Mkdirs(committer.get(), acknowledged("/a", 3)));
    EXPECT_THAT(remove(committer.get(), 2), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  const auto committer = Start(&store);
  EXPECT_THAT(remove(committer.get(), 2), StatusIs(absl::StatusCode::kFailedPrecondition));
  const auto rows = committer->Snapshot();
  EXPECT_TRUE(MetadataView(*rows).Entry(kRootInode, "a").has_value());
}

TEST_F(CommitterTest, ALateDuplicateOfARequestThatChangedNothingChangesNothingAlsoAfterARestart) {
  MemoryMetadataStore store;
  const auto remove = [](Committer* committer, const std::string& path, uint64_t id) {
    pb::DeleteRequest request;
    *request.mutable_header() = Request("", id).header();
    request.set_path(path);
    return committer->Answer<pb::DeleteResponse>(request.header(), [&](const MetadataView& view) {
      return NamespaceTree(view, 1).Delete(request);
    });
  };
  const auto repeat = [&](Committer* committer) {
    EXPECT_THAT(Mkdirs(committer, Request("/a/b", 1)),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("/a")));
    EXPECT_THAT(Mkdirs(committer, Request("/c", 4)), StatusIs(absl::StatusCode::kAlreadyExists));
    EXPECT_OK(Mkdirs(committer, Request("/d", 6, /*parents=*/true))) << "there was nothing to do";
    EXPECT_FALSE(remove(committer, "/e", 8)->deleted()) << "nor was there here";
    const auto rows = committer->Snapshot();
    const MetadataView view(*rows);
    EXPECT_FALSE(view.Entry(InodeId(view.Entry(kRootInode, "a")->inode_id()), "b").has_value());
    EXPECT_FALSE(view.Entry(kRootInode, "d").has_value());
    EXPECT_TRUE(view.Entry(kRootInode, "e").has_value());
  };
  {
    const auto committer = Start(&store);
    EXPECT_THAT(Mkdirs(committer.get(), Request("/a/b", 1)), StatusIs(absl::StatusCode::kNotFound));
    ASSERT_OK(Mkdirs(committer.get(), Request("/a", 2)));
    ASSERT_OK(Mkdirs(committer.get(), Request("/c", 3)));
    EXPECT_THAT(Mkdirs(committer.get(), Request("/c", 4)),
                StatusIs(absl::StatusCode::kAlreadyExists));
    ASSERT_OK(Mkdirs(committer.get(), Request("/d", 5)));
    ASSERT_OK(Mkdirs(committer.get(), Request("/d", 6, /*parents=*/true)));
    ASSERT_OK(remove(committer.get(), "/d", 7));
    ASSERT_OK(remove(committer.get(), "/e", 8));
    ASSERT_OK(Mkdirs(committer.get(), Request("/e", 9)));
    repeat(committer.get());
  }
  const auto committer = Start(&store);
  repeat(committer.get());
}

TEST_F(CommitterTest, WhatIsWrongInAnyStateOrMayPassIsNotRemembered) {
  MemoryMetadataStore store;
  const auto committer = Start(&store);
  const uint64_t before = committer->committed_index();
  auto nonsense = Request("/c", 3);
  nonsense.mutable_header()->set_lowest_outstanding(4);
  EXPECT_THAT(Mkdirs(committer.get(), nonsense), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Mkdirs(committer.get(), Request("no path", 5)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  committer->SetFull(ResourceExhaustedError("full"));
  EXPECT_THAT(Mkdirs(committer.get(), Request("/b", 6)),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(committer->committed_index(), before);
}

TEST_F(CommitterTest, RecoveryReplaysWhatOnlyTheLogHas) {
  MemoryMetadataStore store;
  { Start(&store); }
  pb::LogRecord record;
  auto* directory = record.mutable_make_directories()->add_directories();
  directory->set_inode_id(2);
  directory->set_parent_id(1);
  directory->set_name("replayed");
  WriteSet only_log;
  only_log.log.push_back({2, record.SerializeAsString()});
  ASSERT_OK(store.Write(only_log));
  const auto committer = Start(&store);
  EXPECT_EQ(committer->committed_index(), 2u);
  const auto rows = committer->Snapshot();
  EXPECT_TRUE(MetadataView(*rows).Entry(kRootInode, "replayed").has_value());
}

TEST_F(CommitterTest, OnAFullDiskOnlyWhatMakesRoomIsTaken) {
  MemoryMetadataStore store;
  const auto committer = Start(&store);
  ASSERT_OK(Mkdirs(committer.get(), Request("/a", 1)));
  committer->SetFull(ResourceExhaustedError("full"));
  EXPECT_THAT(Mkdirs(committer.get(), Request("/b", 2)),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Mkdirs(committer.get(), Request("/a", 3)), StatusIs(absl::StatusCode::kAlreadyExists))
      << "what is wrong anyway is said first";
  pb::DeleteRequest remove;
  *remove.mutable_header() = Request("", 4).header();
  remove.set_path("/a");
  EXPECT_OK(committer->Answer<pb::DeleteResponse>(remove.header(), [&](const MetadataView& view) {
    return NamespaceTree(view, 1).Delete(remove);
  }));
  committer->SetFull(absl::OkStatus());
  EXPECT_OK(Mkdirs(committer.get(), Request("/b", 2))) << "the same request, tried again";
}

class OverlayTest : public RandomTest {};

TEST_F(OverlayTest, LooksLikeTheStoreWithAllChangesWritten) {
  MemoryMetadataStore store;
  Overlay overlay;
  overlay.ReadFrom(store.Latest());
  std::map<std::string, std::string> model;
  const auto key = [&] { return std::string(1, static_cast<char>('a' + Below(20))); };
  bool flushing = false;
  const WriteSet* in_flight = nullptr;
  for (int step = 0; step < 5000; ++step) {
    const std::string k = key();
    switch (Below(6)) {
      case 0:
      case 1:
        overlay.Put(Table::kDentries, k, std::to_string(step));
        model[k] = std::to_string(step);
        break;
      case 2:
        overlay.Delete(Table::kDentries, k);
        model.erase(k);
        break;
      case 3:
        // The write and its end come at different times, as in the committer.
        if (!flushing) {
          in_flight = &overlay.StartFlush();
        } else {
          ASSERT_OK(store.Write(*in_flight));
          overlay.Flushed();
        }
        flushing = !flushing;
        break;
      default: {
        const auto found = model.find(k);
        ASSERT_EQ(overlay.Get(Table::kDentries, k),
                  found == model.end() ? std::nullopt : std::optional(found->second));
        const std::string to = key();
        const size_t limit = 1 + Below(5);
        std::vector<std::pair<std::string, std::string>> expected;
        for (auto it = model.lower_bound(k);
             it != model.end() && it->first < to && expected.size() < limit; ++it) {
          expected.push_back(*it);
        }
        std::vector<std::pair<std::string, std::string>> rows;
        overlay.Scan(Table::kDentries, k, to, [&](std::string_view row, std::string_view value) {
          rows.emplace_back(row, value);
          return rows.size() < limit;
        });
        ASSERT_EQ(rows, expected);
      }
    }
  }
}

}  // namespace
}  // namespace quern::master
