#include "master/service/copy_waiters.h"

#include <gmock/gmock.h>

#include "common/notification.h"
#include "common/random.h"
#include "master/logic/chunk_lifecycle.h"
#include "master/logic/file_lifecycle.h"
#include "master/service/master.h"
#include "master/store/memory_metadata_store.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr ChunkId kChunk(1);
constexpr ServerId kServer(1);

// A file with one sealed chunk of which no copy is confirmed.
class CopyWaitersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto master = Master::Start({}, &store_, Clock::Real());
    ASSERT_OK(master);
    master_ = *std::move(master);
    pb::CreateRequest request;
    request.mutable_header()->set_client_id(7);
    request.mutable_header()->set_request_id(1);
    request.set_path("/f");
    Random random(1);
    const auto file = master_->committer().Answer<pb::CreateResponse>(
        request.header(), [&](const MetadataView& view) {
          return FileLifecycle(view, master_->options().file_defaults, 1).Create(request, random);
        });
    ASSERT_OK(file);
    file_ = *file;
    const InodeId inode(file_.inode_id());
    ASSERT_OK(Commit([&](const MetadataView& view) -> Record {
      return ChunkLifecycle::Add(kChunk, inode, *view.Inode(inode), {{kServer}});
    }));
    ASSERT_OK(Commit([&](const MetadataView& view) -> Record {
      return ChunkLifecycle(view).ForcedSeal(kChunk, {.length = 10, .crc = 1});
    }));
    MutexLock lock(&master_->state().mutex);
    master_->state().chunks.RemoveReplica(kChunk, kServer);
  }
  using Record = absl::StatusOr<std::optional<pb::LogRecord>>;
  absl::Status Commit(const std::function<Record(const MetadataView&)>& decide) {
    return master_->committer().Commit(decide);
  }
  struct Waiting {
    Notification answered;
    absl::Status status;
  };
  void Add(Waiting* waiting, absl::Time deadline = absl::InfiniteFuture()) {
    master_->copy_waiters().Add({.inode = InodeId(file_.inode_id()),
                                 .writer_token = file_.writer_token(),
                                 .deadline = deadline,
                                 .done = [waiting](const absl::Status& status) {
                                   waiting->status = status;
                                   waiting->answered.Notify();
                                 }});
  }

  MemoryMetadataStore store_;
  std::unique_ptr<Master> master_;
  pb::CreateResponse file_;
};

TEST_F(CopyWaitersTest, AllAreAnsweredWhenTheCopyIsThere) {
  std::vector<Waiting> waiting(2000);
  for (Waiting& one : waiting) Add(&one);
  ClusterState& state = master_->state();
  {
    MutexLock lock(&state.mutex);
    pb::ServerRow row;
    row.set_uuid("u");
    state.servers.Load(kServer, row);
    state.servers.Admit(kServer, {}, Clock::Real()->MonotonicNow());
    state.servers.Compared(kServer);
    state.chunks.SetReplica(kChunk, {kServer, pb::REPLICA_STATE_FINALIZED, true});
    state.Changed();
  }
  for (Waiting& one : waiting) {
    one.answered.Wait();
    EXPECT_OK(one.status);
  }
}

TEST_F(CopyWaitersTest, WhoseTimeIsOverHearsWhatIsMissing) {
  Waiting waiting;
  Add(&waiting, Clock::Real()->MonotonicNow());
  waiting.answered.Wait();
  EXPECT_THAT(waiting.status,
              StatusIs(Code::kUnavailable, HasSubstr("has 0 durable copies, need 1")));
}

TEST_F(CopyWaitersTest, AChunkBeyondTheFirstSliceIsWaitedForAsWell) {
  const InodeId inode(file_.inode_id());
  const auto add = [&](ChunkId chunk, uint64_t length) {
    ASSERT_OK(Commit([&](const MetadataView& view) -> Record {
      return ChunkLifecycle::Add(chunk, inode, *view.Inode(inode), {{kServer}});
    }));
    ASSERT_OK(Commit([&](const MetadataView& view) -> Record {
      return ChunkLifecycle(view).ForcedSeal(chunk, {.length = length, .crc = 1});
    }));
  };
  const ChunkId last(ClusterState::kSlice + 10);
  // Nobody waits for copies of those that hold nothing.
  for (uint64_t id = 2; id < last.value(); ++id) add(ChunkId(id), 0);
  add(last, 10);
  {
    ClusterState& state = master_->state();
    MutexLock lock(&state.mutex);
    pb::ServerRow row;
    row.set_uuid("u");
    state.servers.Load(kServer, row);
    state.servers.Admit(kServer, {}, Clock::Real()->MonotonicNow());
    state.servers.Compared(kServer);
    state.chunks.SetReplica(kChunk, {kServer, pb::REPLICA_STATE_FINALIZED, true});
    state.chunks.RemoveReplica(last, kServer);
  }
  Waiting waiting;
  Add(&waiting, Clock::Real()->MonotonicNow());
  waiting.answered.Wait();
  EXPECT_THAT(
      waiting.status,
      StatusIs(Code::kUnavailable, HasSubstr(fmt::format("chunk {} has 0 durable copies", last))));
}

TEST_F(CopyWaitersTest, OnlyTheWriterMayWait) {
  file_.set_writer_token("another");
  Waiting waiting;
  Add(&waiting);
  waiting.answered.Wait();
  EXPECT_THAT(waiting.status, StatusIs(Code::kAborted));
}

TEST_F(CopyWaitersTest, AMasterThatStopsAnswersThoseThatWaitAndThoseThatCome) {
  Waiting before;
  Add(&before);
  master_->copy_waiters().Stop();
  before.answered.Wait();
  EXPECT_THAT(before.status, StatusIs(Code::kUnavailable));
  Waiting after;
  Add(&after);
  after.answered.Wait();
  EXPECT_THAT(after.status, StatusIs(Code::kUnavailable));
}

class DiskRoomTest : public CopyWaitersTest {};

TEST_F(DiskRoomTest, TheMasterLooksAtItsDiskAndTakesNothingNewWhileItIsFull) {
  store_.SetSpace({.capacity_bytes = uint64_t{100} << 30, .free_bytes = uint64_t{255} << 20});
  WatchDiskRoom(master_.get());
  EXPECT_THAT(master_->committer().full(),
              StatusIs(Code::kResourceExhausted, HasSubstr("255 MiB free")));
  store_.SetSpace({.capacity_bytes = uint64_t{100} << 30, .free_bytes = uint64_t{257} << 20});
  WatchDiskRoom(master_.get());
  EXPECT_OK(master_->committer().full());
  // A small disk keeps less.
  store_.SetSpace({.capacity_bytes = uint64_t{1} << 30, .free_bytes = uint64_t{60} << 20});
  WatchDiskRoom(master_.get());
  EXPECT_OK(master_->committer().full());
}

}  // namespace
}  // namespace quern::master
