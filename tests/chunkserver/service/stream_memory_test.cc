// Streams together hold no more memory than they may: those beyond it are refused, and taken again
// when others have ended.
#include "common/clock.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"
#include "tests/chunkserver/service/test_cluster.h"

namespace quern::chunkserver {
namespace {

class StreamMemoryTest : public ChunkserverTest {
 protected:
  void Adjust(ChunkserverOptions* options) override {
    options->limits.stream_memory_bytes = memory_bytes_;
  }
  static bool AwaitMessage(rpc::BulkLoop* loop) {
    while (true) {
      const rpc::BulkEvent event = loop->Next(FakeMaster::kPatience);
      if (event.kind == rpc::BulkEvent::Kind::kMessage) return true;
      if (event.kind != rpc::BulkEvent::Kind::kSent) return false;
    }
  }

  static bool Eventually(const std::function<bool()>& done) {
    const absl::Time give_up = Clock::Real()->MonotonicNow() + FakeMaster::kPatience;
    while (!done()) {
      if (Clock::Real()->MonotonicNow() > give_up) return false;
    }
    return true;
  }

  uint64_t memory_bytes_ = 0;
};

TEST_F(StreamMemoryTest, AnAppendThatFindsNoRoomIsRefusedAndReadsGoOn) {
  StartMaster();
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  const std::string text = MakeSealedChunk(kChunk, {"n1"});
  memory_bytes_ = kAppendFloorBytes + kReadFloorBytes;
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  constexpr ChunkId kOne{1};
  constexpr ChunkId kTwo{2};
  ASSERT_OK(master_->Create(kOne, {"n1"}));
  ASSERT_OK(master_->Create(kTwo, {"n1"}));
  AppendClient one(kOne, master_->Chain({"n1"}));
  one.Send(1, "abc");
  ASSERT_TRUE(one.AwaitCommitted(3));
  AppendClient two(kTwo, master_->Chain({"n1"}));
  EXPECT_THAT(two.AwaitEnd(), StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", kChunk));
  EXPECT_TRUE(answer.bytes == text);
  one.CloseSend();
  ASSERT_OK(one.AwaitEnd());
  // The chunk is still open: nothing was begun. What the first one had may come back a little later
  // than its end is heard.
  EXPECT_TRUE(Eventually([&] {
    AppendClient again(kTwo, master_->Chain({"n1"}));
    again.Send(1, "def");
    return again.AwaitCommitted(3);
  }));
}

TEST_F(StreamMemoryTest, AReadThatFindsNoRoomIsRefused) {
  StartMaster();
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  // More than connections hold.
  MakeSealedChunk(kChunk, {"n1"}, 48 << 20);
  memory_bytes_ = kReadFloorBytes;
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  const std::string address = master_->Chain({"n1"})[0].address();
  rpc::BulkLoop loop;
  rpc::BulkStream* lazy = loop.Open(rpc::MakeChannel(address, rpc::ChannelKind::kBulk), kReadMethod,
                                    absl::InfiniteDuration());
  lazy->PauseReading();
  pb::ReadRequest request;
  request.set_chunk_id(kChunk.value());
  lazy->Send(rpc::EncodeMessage(request));
  // Its first piece: it has begun.
  ASSERT_TRUE(AwaitMessage(&loop));
  EXPECT_THAT(Read("n1", kChunk, 0, 10), StatusIs(absl::StatusCode::kResourceExhausted));
  loop.Close(lazy);
  EXPECT_TRUE(Eventually([&] { return Read("n1", kChunk, 0, 10).ok(); }));
}

}  // namespace
}  // namespace quern::chunkserver
