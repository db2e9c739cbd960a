// What the client sends to the master: which requests are the same one.
#include "client/master/master_client.h"

#include <grpcpp/server_context.h>

#include <atomic>
#include <vector>

#include "client/file_system.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/rpc/grpc_status.h"
#include "common/rpc/server.h"
#include "common/thread.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"
#include "tests/support/status_matchers.h"

namespace quern::client {
namespace {

// Has no servers for those who exclude any.
class PickyMaster final : public pb::Namespace::Service {
 public:
  grpc::Status AllocateChunk(grpc::ServerContext*, const pb::AllocateChunkRequest* request,
                             pb::AllocateChunkResponse* response) override {
    MutexLock lock(&mutex_);
    requests_.push_back(*request);
    if (!request->exclude_servers().empty()) return {grpc::StatusCode::UNAVAILABLE, "too few"};
    response->mutable_chunk()->set_chunk_id(5);
    return grpc::Status::OK;
  }
  std::vector<pb::AllocateChunkRequest> requests() {
    MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  Mutex mutex_;
  std::vector<pb::AllocateChunkRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

TEST(MasterClientTest, AnAllocationThatExcludesNobodyAnyMoreIsStillTheSameRequest) {
  PickyMaster master;
  ASSERT_OK_AND_ASSIGN(const auto server, rpc::Server::Start({.watchdog = false}, {&master}, {}));
  ClientOptions options;
  options.masters = {server->address()};
  MasterClient client(options);
  pb::AllocateChunkRequest request;
  request.add_exclude_servers(3);
  ASSERT_OK_AND_ASSIGN(const auto first, client.AllocateChunk(request));
  EXPECT_EQ(first.chunk().chunk_id(), 5u);
  ASSERT_OK(client.AllocateChunk(request));
  const auto requests = master.requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_TRUE(requests[1].exclude_servers().empty());
  EXPECT_NE(requests[0].header().request_id(), 0u);
  EXPECT_EQ(requests[0].header().request_id(), requests[1].header().request_id());
  EXPECT_EQ(requests[0].header().lowest_outstanding(), requests[1].header().lowest_outstanding());
  EXPECT_GT(requests[2].header().request_id(), requests[1].header().request_id());
}

class RenewedMaster final : public pb::Namespace::Service {
 public:
  grpc::Status RenewWriter(grpc::ServerContext*, const pb::RenewWriterRequest*,
                           pb::RenewWriterResponse*) override {
    ++renewals;
    return grpc::Status::OK;
  }
  std::atomic<int> renewals = 0;
};

// Says to the first calls what gRPC says when all threads of a server are taken, then what it is
// told to say itself.
class CrowdedMaster final : public pb::Namespace::Service {
 public:
  explicit CrowdedMaster(absl::Status answer) : answer_(std::move(answer)) {}

  grpc::Status AllocateChunk(grpc::ServerContext*, const pb::AllocateChunkRequest*,
                             pb::AllocateChunkResponse*) override {
    return Answer();
  }
  grpc::Status ResolveChunk(grpc::ServerContext*, const pb::ResolveChunkRequest*,
                            pb::ResolveChunkResponse*) override {
    return Answer();
  }
  int calls() const { return calls_; }

 private:
  grpc::Status Answer() {
    if (++calls_ % 4 != 0) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "Server Threadpool Exhausted"};
    }
    return rpc::ToGrpc(answer_);
  }

  const absl::Status answer_;
  std::atomic<int> calls_ = 0;
};

TEST(MasterClientTest, ACallTooManyIsMadeAgainAndWhatTheMasterRefusesIsNot) {
  for (const absl::Status& answer : {absl::OkStatus(), ResourceExhaustedError("no room")}) {
    CrowdedMaster master(answer);
    ASSERT_OK_AND_ASSIGN(const auto server, rpc::Server::Start({.watchdog = false}, {&master}, {}));
    ClientOptions options;
    options.masters = {server->address()};
    MasterClient client(options);
    EXPECT_EQ(client.AllocateChunk({}).status(), answer);
    EXPECT_EQ(master.calls(), 4);
    EXPECT_EQ(client.ResolveChunk({}).status(), answer);
    EXPECT_EQ(master.calls(), 8);
  }
}

// A writer that has nothing to write makes no other call, and is given up after an hour.
TEST(MasterClientTest, RenewalsFindTheMasterThatAnswers) {
  RenewedMaster master;
  ASSERT_OK_AND_ASSIGN(const auto server, rpc::Server::Start({.watchdog = false}, {&master}, {}));
  ClientOptions options;
  options.masters = {"127.0.0.1:1", server->address()};
  MasterClient client(options);
  for (int i = 0; i < 3; ++i) client.RenewWriter({});
  EXPECT_EQ(master.renewals, 2) << "the first one found nobody";
}

// Has the directory /there and the file /file.
class DirectoryMaster final : public pb::Namespace::Service {
 public:
  grpc::Status Stat(grpc::ServerContext*, const pb::StatRequest* request,
                    pb::StatResponse* response) override {
    if (request->path() == "/new") return {grpc::StatusCode::NOT_FOUND, "/new: nothing"};
    const bool directory = request->path() == "/there";
    response->mutable_status()->set_type(directory ? pb::FILE_TYPE_DIRECTORY
                                                   : pb::FILE_TYPE_REGULAR);
    return grpc::Status::OK;
  }
  grpc::Status Mkdirs(grpc::ServerContext*, const pb::MkdirsRequest* request,
                      pb::MkdirsResponse*) override {
    ++changes;
    if (request->path() == "/new") return grpc::Status::OK;
    return {grpc::StatusCode::ALREADY_EXISTS, request->path() + ": exists already"};
  }
  std::atomic<int> changes = 0;
};

// A change that changes nothing is in the log of the master all the same, for the sake of its
// answer, and waits for its disk.
TEST(MasterClientTest, MakingADirectoryThatMayExistChangesNothingWhereItDoes) {
  DirectoryMaster master;
  ASSERT_OK_AND_ASSIGN(const auto server, rpc::Server::Start({.watchdog = false}, {&master}, {}));
  ClientOptions options;
  options.masters = {server->address()};
  const auto fs = FileSystem::Create(options);
  EXPECT_OK(fs->Mkdirs("/there", {.parents = true}));
  EXPECT_EQ(master.changes, 0);
  EXPECT_OK(fs->Mkdirs("/new", {.parents = true}));
  EXPECT_EQ(master.changes, 1);
  EXPECT_THAT(fs->Mkdirs("/file", {.parents = true}), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(fs->Mkdirs("/there"), StatusIs(absl::StatusCode::kAlreadyExists));
}

// Does not answer Completes, by whichever way they come.
class ForgetfulMaster final : public pb::Namespace::Service {
 public:
  grpc::Status ChangeMany(grpc::ServerContext*, const pb::ChangeManyRequest* request,
                          pb::ChangeManyResponse* response) override {
    for (const pb::Change& change : request->changes()) {
      if (change.has_complete()) Hold();
      response->add_answers();
    }
    return grpc::Status::OK;
  }
  grpc::Status Complete(grpc::ServerContext*, const pb::CompleteRequest*,
                        pb::CompleteResponse*) override {
    Hold();
    return grpc::Status::OK;
  }
  grpc::Status Mkdirs(grpc::ServerContext*, const pb::MkdirsRequest*,
                      pb::MkdirsResponse*) override {
    return grpc::Status::OK;
  }
  void AwaitHeld(int calls) {
    MutexLock lock(&mutex_);
    while (held_ < calls) changed_.Wait(&mutex_);
  }
  void Release() {
    MutexLock lock(&mutex_);
    released_ = true;
    changed_.SignalAll();
  }

 private:
  void Hold() {
    MutexLock lock(&mutex_);
    ++held_;
    changed_.SignalAll();
    while (!released_) changed_.Wait(&mutex_);
  }

  Mutex mutex_;
  CondVar changed_;
  int held_ ABSL_GUARDED_BY(mutex_) = 0;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST(MasterClientTest, ChangesThatAreNotAnsweredHoldUpNoOthers) {
  ForgetfulMaster master;
  ASSERT_OK_AND_ASSIGN(const auto server, rpc::Server::Start({.watchdog = false}, {&master}, {}));
  ClientOptions options;
  options.masters = {server->address()};
  options.master_timeout = absl::Seconds(2);  // half of it passes, in gRPC
  MasterClient client(options);
  std::vector<Thread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back("writer", [&] {
      pb::CompleteRequest request;
      request.mutable_seal()->set_chunk_id(1);
      EXPECT_OK(client.Complete(request).status());
    });
  }
  master.AwaitHeld(2);
  const absl::Time began = Clock::Real()->MonotonicNow();
  EXPECT_OK(client.Mkdirs(pb::MkdirsRequest()).status());
  EXPECT_LT(Clock::Real()->MonotonicNow() - began, absl::Seconds(20)) << "a writer waits for 30";
  master.Release();
}

}  // namespace
}  // namespace quern::client
