// A whole master in this process, real RPC and real RocksDB, with fake chunkservers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "master/service/master_server.h"
#include "quern/dfs/v1/cluster.grpc.pb.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"
#include "tests/support/fake_chunkserver.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::master {

// Waits until it holds, for a state that must come; false after a long time.
inline bool Eventually(const std::function<bool()>& holds) {
  const absl::Time give_up = Clock::Real()->MonotonicNow() + absl::Seconds(30);
  while (!holds()) {
    if (Clock::Real()->MonotonicNow() > give_up) return false;
    Clock::Real()->Sleep(absl::Milliseconds(5));
  }
  return true;
}

// A client: numbers its requests, and can repeat the last one as a retry does.
class TestClient {
 public:
  explicit TestClient(const std::string& master) { Connect(master); }
  void Connect(const std::string& master) {
    stub_ = pb::Namespace::NewStub(rpc::MakeChannel(master, rpc::ChannelKind::kControl));
    cluster_ = pb::Cluster::NewStub(rpc::MakeChannel(master, rpc::ChannelKind::kControl));
  }

  pb::RequestHeader NextHeader() {
    pb::RequestHeader header;
    header.set_client_id(client_id_);
    header.set_request_id(++last_request_);
    header.set_lowest_outstanding(keep_answers_ ? 0 : last_request_);
    header.set_user("ann");
    header.set_group("staff");
    return header;
  }
  // From now on says that no answer has arrived, so that all stay held.
  void KeepAnswers() { keep_answers_ = true; }

  // Sends the request as it is.
#define QUERN_CALL(Method)                                                                 \
  absl::StatusOr<pb::Method##Response> Call(const pb::Method##Request& request) {          \
    pb::Method##Response response;                                                         \
    const absl::Status status = rpc::Call(absl::Seconds(20), [&](grpc::ClientContext* c) { \
      return stub_->Method(c, request, &response);                                         \
    });                                                                                    \
    if (!status.ok()) return status;                                                       \
    return response;                                                                       \
  }
  QUERN_CALL(Mkdirs)
  QUERN_CALL(Create)
  QUERN_CALL(CreateMany)
  QUERN_CALL(AllocateChunk)
  QUERN_CALL(ResolveChunk)
  QUERN_CALL(Complete)
  QUERN_CALL(Abandon)
  QUERN_CALL(GetChunks)
  QUERN_CALL(Stat)
  QUERN_CALL(List)
  QUERN_CALL(ListOpenFiles)
  QUERN_CALL(Rename)
  QUERN_CALL(Delete)
  QUERN_CALL(SetReplication)
  QUERN_CALL(ReportBadReplica)
  QUERN_CALL(GetCluster)
  QUERN_CALL(AdoptHistory)
  QUERN_CALL(ChangeMany)
#undef QUERN_CALL
  absl::Status ReportSealed(ChunkId chunk, ServerId server, uint64_t length) {
    pb::ReportSealedRequest request;
    *request.mutable_header() = NextHeader();
    request.set_chunk_id(chunk.value());
    request.set_server_id(server.value());
    request.set_length(length);
    request.set_crc(FakeCrc(length));
    pb::ReportSealedResponse response;
    return rpc::Call(absl::Seconds(20), [&](grpc::ClientContext* c) {
      return cluster_->ReportSealed(c, request, &response);
    });
  }

  pb::CreateRequest CreateRequest(const std::string& path, uint32_t replication = 0) {
    pb::CreateRequest request;
    *request.mutable_header() = NextHeader();
    request.set_path(path);
    request.set_replication(replication);
    request.set_create_parents(true);
    return request;
  }
  pb::AllocateChunkRequest AllocateRequest(const pb::CreateResponse& file, uint32_t ordinal = 0) {
    pb::AllocateChunkRequest request;
    *request.mutable_header() = NextHeader();
    request.set_inode_id(file.inode_id());
    request.set_writer_token(file.writer_token());
    request.set_ordinal(ordinal);
    return request;
  }
  pb::CreateManyRequest CreateManyRequest(const std::vector<std::string>& paths,
                                          uint64_t expected) {
    pb::CreateManyRequest request;
    for (const std::string& path : paths) {
      pb::CreateManyRequest::File* file = request.add_files();
      *file->mutable_header() = NextHeader();
      file->mutable_file()->set_path(path);
      file->mutable_file()->set_create_parents(true);
      file->set_expected_bytes(expected);
    }
    return request;
  }
  pb::ResolveChunkRequest ResolveRequest(const pb::CreateResponse& file,
                                         const pb::ChunkLocation& chunk, uint64_t acked) {
    pb::ResolveChunkRequest request;
    *request.mutable_header() = NextHeader();
    request.set_inode_id(file.inode_id());
    request.set_writer_token(file.writer_token());
    request.set_chunk_id(chunk.chunk_id());
    request.set_reason("test");
    request.set_acked_offset(acked);
    request.set_producer(77);
    return request;
  }
  pb::CompleteRequest CompleteRequest(const pb::CreateResponse& file, uint64_t length) {
    pb::CompleteRequest request;
    *request.mutable_header() = NextHeader();
    request.set_inode_id(file.inode_id());
    request.set_writer_token(file.writer_token());
    request.set_length(length);
    return request;
  }
  absl::Status Delete(const std::string& path) {
    pb::DeleteRequest request;
    *request.mutable_header() = NextHeader();
    request.set_path(path);
    request.set_recursive(true);
    return Call(request).status();
  }
  absl::StatusOr<pb::GetChunksResponse> GetChunks(const std::string& path,
                                                  const std::string& node = "") {
    pb::GetChunksRequest request;
    request.set_path(path);
    request.set_reader_node(node);
    return Call(request);
  }
  absl::StatusOr<pb::FileStatus> Stat(const std::string& path) {
    pb::StatRequest request;
    request.set_path(path);
    auto response = Call(request);
    if (!response.ok()) return response.status();
    return response->status();
  }

 private:
  std::unique_ptr<pb::Namespace::Stub> stub_;
  std::unique_ptr<pb::Cluster::Stub> cluster_;
  const uint64_t client_id_ = RandomId();
  uint64_t last_request_ = 0;
  bool keep_answers_ = false;
};

class MasterTest : public ::testing::Test {
 protected:
  MasterTest() {
    options_.fence_patience = absl::Milliseconds(50);
    options_.order_timeout = absl::Seconds(2);
    options_.repair.first_backoff = absl::Milliseconds(50);
  }

  void StartMaster() {
    ServerFlags flags;
    flags.listen = listen_;
    flags.http = "127.0.0.1:0";
    flags.dirs = {dir_ / "master"};
    auto master = MasterServer::Start(flags, options_, Clock::Real());
    ASSERT_OK(master.status());
    master_ = *std::move(master);
    listen_ = master_->rpc_address();
    client_ = std::make_unique<TestClient>(listen_);
    client_->KeepAnswers();
  }
  void StopMaster() {
    master_->Shutdown();
    master_.reset();
  }
  // The process ends and another one begins on the same directory and port.
  void RestartMaster() {
    StopMaster();
    const std::unique_ptr<TestClient> client = std::move(client_);
    StartMaster();
    client_ = std::make_unique<TestClient>(listen_);
    client_->KeepAnswers();
  }
  FakeChunkserver* AddServer(const std::string& node, const std::string& rack = "/r") {
    servers_.push_back(std::make_unique<FakeChunkserver>(
        FakeChunkserver::Options{.master = listen_, .node = node, .rack = rack}));
    EXPECT_OK(servers_.back()->Connect());
    return servers_.back().get();
  }
  void AddServers(int count) {
    for (int i = 0; i < count; ++i) AddServer("n" + std::to_string(servers_.size() + 1));
  }
  void ReconnectServers() {
    for (const auto& server : servers_) {
      server->Disconnect();
      ASSERT_OK(server->Connect());
    }
  }
  FakeChunkserver* ServerOf(const pb::ServerAddress& address) {
    for (const auto& server : servers_) {
      if (server->node() == address.node()) return server.get();
    }
    return nullptr;
  }
  FakeChunkserver* Outsider(const pb::ChunkLocation& chunk) {
    for (const auto& server : servers_) {
      const auto& replicas = chunk.replicas();
      if (std::none_of(replicas.begin(), replicas.end(),
                       [&](const auto& r) { return r.node() == server->node(); })) {
        return server.get();
      }
    }
    return nullptr;
  }

  // A file with one open chunk in which `length` bytes have arrived everywhere.
  struct OpenFile {
    pb::CreateResponse file;
    pb::ChunkLocation chunk;
    ChunkId id() const { return ChunkId(chunk.chunk_id()); }
  };
  OpenFile WriteFile(const std::string& path, uint64_t length, uint32_t replication = 3) {
    OpenFile open;
    const auto file = client_->Call(client_->CreateRequest(path, replication));
    EXPECT_OK(file.status());
    open.file = file.value_or(pb::CreateResponse());
    const auto chunk = client_->Call(client_->AllocateRequest(open.file));
    EXPECT_OK(chunk.status());
    open.chunk = chunk.value_or(pb::AllocateChunkResponse()).chunk();
    for (const auto& replica : open.chunk.replicas()) ServerOf(replica)->Append(open.id(), length);
    return open;
  }
  void SealCleanly(const OpenFile& open, uint64_t length) {
    ASSERT_OK(
        client_->ReportSealed(open.id(), ServerId(open.chunk.replicas(0).server_id()), length));
  }
  // A complete file of one chunk whose replicas are finalized.
  OpenFile CompleteFile(const std::string& path, uint64_t length, uint32_t replication = 3) {
    const OpenFile open = WriteFile(path, length, replication);
    SealCleanly(open, length);
    EXPECT_OK(client_->Call(client_->CompleteRequest(open.file, length)).status());
    for (const auto& replica : open.chunk.replicas()) {
      EXPECT_TRUE(Eventually([&] {
        return ServerOf(replica)->Replica(open.id()).state() == pb::REPLICA_STATE_FINALIZED;
      }));
    }
    return open;
  }
  // Sets it and waits until a heartbeat has told it.
  void SetFreeBytes(FakeChunkserver* server, uint64_t free_bytes) {
    server->SetFreeBytes(free_bytes);
    ASSERT_TRUE(Eventually([&] {
      const auto cluster = client_->Call(pb::GetClusterRequest());
      if (!cluster.ok()) return false;
      return std::ranges::any_of(cluster->servers(), [&](const auto& told) {
        return told.address().server_id() == server->id().value() &&
               told.free_bytes() == free_bytes;
      });
    }));
  }
  // Nodes that GetChunks names for the first chunk.
  std::vector<std::string> Nodes(const std::string& path, const std::string& reader = "") {
    std::vector<std::string> nodes;
    const auto chunks = client_->GetChunks(path, reader);
    EXPECT_OK(chunks.status());
    if (!chunks.ok() || chunks->chunks().empty()) return nodes;
    for (const auto& replica : chunks->chunks(0).replicas()) nodes.push_back(replica.node());
    return nodes;
  }
  // Servers that hold a finalized replica.
  size_t CountFinalized(ChunkId chunk) {
    size_t count = 0;
    for (const auto& server : servers_) {
      if (server->Replica(chunk).state() == pb::REPLICA_STATE_FINALIZED) ++count;
    }
    return count;
  }

  TempDir dir_;
  MasterOptions options_;
  std::string listen_ = "127.0.0.1:0";
  std::unique_ptr<RunningServer> master_;
  std::unique_ptr<TestClient> client_;
  std::vector<std::unique_ptr<FakeChunkserver>> servers_;
};

}  // namespace quern::master
