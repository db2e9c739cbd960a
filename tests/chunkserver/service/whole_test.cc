// Chunks that come whole, many in a message: all of them are closed on the whole chain, or none is
// acknowledged.
#include "common/crc32c.h"
#include "tests/chunkserver/service/test_cluster.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;
using Chunk = WholeClient::Chunk;

class WholeTest : public ChunkserverTest {
 protected:
  std::vector<pb::ServerAddress> Chain(const std::vector<std::string>& nodes) {
    return master_->Chain(nodes);
  }
  // Their empty replicas on all nodes.
  void Create(const std::vector<Chunk>& chunks, const std::vector<std::string>& nodes) {
    for (const Chunk& chunk : chunks) {
      ASSERT_OK(master_->Create(chunk.id, nodes, chunk.bytes.size()));
    }
  }
  void ExpectClosed(const std::vector<Chunk>& chunks, const std::vector<std::string>& nodes) {
    for (const Chunk& chunk : chunks) {
      for (const std::string& node : nodes) {
        ASSERT_OK_AND_ASSIGN(const auto fence, master_->Fence(node, chunk.id, chunk.producer));
        EXPECT_EQ(fence.replica().length(), chunk.bytes.size()) << node;
        EXPECT_EQ(fence.replica().crc(), Crc32c(chunk.bytes)) << node;
        EXPECT_EQ(fence.last_seq(), chunk.seq) << "a writer that did not hear the answer can ask";
      }
    }
  }
};

TEST_F(WholeTest, ManyAreClosedEverywhereInOneStep) {
  StartAll(kNodes);
  // In the index, in a file, and of several writers.
  std::vector<Chunk> chunks;
  for (const size_t bytes : {1'000, 300'000, 1, 70'000, 32 << 10, (32 << 10) + 1}) {
    const uint64_t i = chunks.size();
    chunks.push_back({ChunkId(100 + i), Text(bytes, i), /*producer=*/70 + i, /*seq=*/1 + i});
  }
  Create(chunks, kNodes);
  std::string payload;
  for (const Chunk& chunk : chunks) payload += chunk.bytes;
  WholeClient client(Chain(kNodes));
  ASSERT_OK_AND_ASSIGN(const auto answer, client.Send(Chain(kNodes), chunks));
  EXPECT_EQ(answer.sealed().length(), payload.size());
  EXPECT_EQ(answer.sealed().crc(), Crc32c(payload));
  EXPECT_TRUE(answer.rests());
  for (const Chunk& chunk : chunks) {
    EXPECT_FALSE(master_->Sealed(chunk.id).has_value()) << "the writer tells the master";
    for (const std::string& node : kNodes) {
      EXPECT_TRUE(master_->AwaitState(node, chunk.id, pb::REPLICA_STATE_FENCED)) << node;
      EXPECT_EQ((*servers_[node]->store().Find(chunk.id))->facts().synced, chunk.bytes.size());
    }
  }
  ExpectClosed(chunks, kNodes);
  for (const Chunk& chunk : chunks) {
    for (const std::string& node : kNodes) {
      ASSERT_OK(
          master_->Finalize(node, chunk.id, chunk.bytes.size(), Crc32c(chunk.bytes)).status());
      ASSERT_OK_AND_ASSIGN(const ReadAnswer read, Read(node, chunk.id));
      EXPECT_TRUE(read.bytes == chunk.bytes) << node;
    }
  }
}

TEST_F(WholeTest, MessagesFollowEachOtherOnOneStream) {
  StartAll(kNodes);
  // The same primary; the chains go on at either of the others, or end.
  const std::vector<std::vector<std::string>> chains = {
      {"n1", "n2", "n3"}, {"n1", "n3", "n2"}, {"n1", "n2", "n3"}, {"n1"}, {"n1", "n2"}};
  WholeClient client(Chain({"n1"}));
  uint64_t next = 100;
  for (uint64_t i = 0; i < 40; ++i) {
    const std::vector<std::string>& nodes = chains[i % chains.size()];
    std::vector<Chunk> chunks;
    for (uint64_t j = 0; j <= i % 7; ++j, ++next) {
      chunks.push_back({ChunkId(next), Text(j == 6 ? 100'000 : 1'000 + i, next), 70 + j, 1 + i});
    }
    Create(chunks, nodes);
    ASSERT_OK_AND_ASSIGN(const auto answer, client.Send(Chain(nodes), chunks));
    EXPECT_TRUE(answer.rests());
    ExpectClosed(chunks, nodes);
  }
}

// The primary has most likely heard by then that its stream to n2 is over. If not, the chunk fails
// like any other whose server is killed; it is only the stream that must not be used once more.
TEST_F(WholeTest, AServerMayRestartWhileStreamsRest) {
  StartAll(kNodes);
  const std::vector<Chunk> first = {{ChunkId(1), "abc"}};
  const std::vector<Chunk> second = {{ChunkId(2), "defg"}, {ChunkId(3), "hi"}};
  const std::vector<Chunk> third = {{ChunkId(4), "jkl"}};
  Create(first, kNodes);
  WholeClient client(Chain(kNodes));
  ASSERT_OK(client.Send(Chain(kNodes), first).status());
  Start("n2");
  ASSERT_TRUE(master_->AwaitSessions({"n2"}));
  Create(second, kNodes);
  if (!client.Send(Chain(kNodes), second).ok()) {
    EXPECT_EQ(client.failed_server, Chain({"n2"})[0].server_id());
    for (const Chunk& chunk : second) {
      EXPECT_TRUE(master_->AwaitState("n1", chunk.id, pb::REPLICA_STATE_FENCED));
    }
  }
  Create(third, kNodes);
  WholeClient next(Chain(kNodes));
  ASSERT_OK(next.Send(Chain(kNodes), third).status());
  ExpectClosed(third, kNodes);
}

TEST_F(WholeTest, AStreamThatRestsTooLongEnds) {
  append_rest_ = absl::Milliseconds(50);
  StartAll(kNodes);
  const std::vector<Chunk> chunks = {{kChunk, "abc"}};
  Create(chunks, kNodes);
  WholeClient client(Chain(kNodes));
  EXPECT_OK(client.Send(Chain(kNodes), chunks).status());
  EXPECT_OK(client.AwaitEnd());
}

TEST_F(WholeTest, TheFirstMessageMayTakeLongerToComeThanAStreamRests) {
  append_rest_ = absl::ZeroDuration();
  StartAll(kNodes);
  const std::vector<Chunk> chunks = {{kChunk, Text(1 << 20)}};
  Create(chunks, kNodes);
  WholeClient client(Chain(kNodes));
  EXPECT_OK(client.Send(Chain(kNodes), chunks).status());
  ExpectClosed(chunks, kNodes);
}

TEST_F(WholeTest, WhoKnowsTheSealReadsALatchedReplicaThatHasNotHeardOfIt) {
  StartAll(kNodes);
  const std::vector<Chunk> chunks = {{kChunk, "abc"}};
  Create(chunks, kNodes);
  WholeClient client(Chain(kNodes));
  ASSERT_OK(client.Send(Chain(kNodes), chunks).status());
  pb::ReadRequest::Sealed sealed;
  sealed.set_length(3);
  sealed.set_crc(Crc32c("abc"));
  for (const std::string& node : kNodes) {
    ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read(node, kChunk, 0, 0, sealed));
    EXPECT_EQ(answer.bytes, "abc") << node;
  }
  sealed.set_crc(1);
  EXPECT_THAT(Read("n3", kChunk, 1, 0, sealed), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(WholeTest, AllAreCheckedBeforeAnythingIsWritten) {
  StartAll(kNodes);
  const Chunk good{kChunk, "good"};
  const Chunk other{ChunkId(2), "abc"};
  Create({good, other}, kNodes);
  const auto chain = Chain(kNodes);
  const auto with = [&](Chunk bad) { return std::vector<Chunk>{good, std::move(bad)}; };
  const auto sent = [&](const std::vector<Chunk>& chunks) {
    return WholeClient(chain).Send(chain, chunks).status();
  };
  EXPECT_THAT(sent({}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 to 1000")));
  EXPECT_THAT(sent(std::vector<Chunk>(1001, good)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(sent(with({other.id, ""})), StatusIs(absl::StatusCode::kInvalidArgument));
  // Lengths whose sum goes round to what came.
  Chunk huge{other.id, "abc"};
  huge.length = UINT64_MAX - 2;
  Chunk rest{ChunkId(3), ""};
  rest.length = 6;
  EXPECT_THAT(sent({huge, rest}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(sent(with({other.id, "abc", 7, 1, /*crc=*/1})),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(sent(with({other.id, "too long"})), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(sent(with({other.id, "abc", /*producer=*/0})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("producer")));
  EXPECT_THAT(sent(with({ChunkId(77), "abc"})), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(sent(with(good)), StatusIs(absl::StatusCode::kAborted)) << "twice in a message";
  EXPECT_THAT(WholeClient(chain).Send(Chain({"n1", "n3", "n2"}), {good}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("chain")));
  EXPECT_THAT(WholeClient(Chain({"n2"})).Send(chain, {good}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // None of that has touched them.
  EXPECT_OK(sent({good, other}));
  ExpectClosed({good, other}, kNodes);
  EXPECT_FALSE(sent({good}).ok()) << "once more";
}

TEST_F(WholeTest, AReplicaThatHasBytesTakesNothingWhole) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes, 1000));
  AppendClient client(kChunk, Chain(kNodes));
  client.Send(1, "still open");
  ASSERT_TRUE(client.AwaitCommitted(10)) << client.error;
  client.CloseSend();
  EXPECT_OK(client.AwaitEnd());
  EXPECT_THAT(WholeClient(Chain(kNodes)).Send(Chain(kNodes), {{kChunk, "abc"}}).status(),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("whole")));
}

TEST_F(WholeTest, AFencedReplicaRefusesThemAllAndThePrimaryLatches) {
  StartAll(kNodes);
  const std::vector<Chunk> chunks = {{ChunkId(1), "abc"}, {ChunkId(2), "defg"}};
  Create(chunks, kNodes);
  ASSERT_OK(master_->Fence("n2", ChunkId(2), 7));
  WholeClient client(Chain(kNodes));
  EXPECT_FALSE(client.Send(Chain(kNodes), chunks).ok());
  EXPECT_EQ(client.failed_server, Chain({"n2"})[0].server_id());
  for (const Chunk& chunk : chunks) {
    EXPECT_TRUE(master_->AwaitState("n1", chunk.id, pb::REPLICA_STATE_FENCED));
  }
}

}  // namespace
}  // namespace quern::chunkserver
