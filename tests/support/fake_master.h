// A master for tests of chunkservers: admits them, sends the orders a test wants, remembers what
// they report. It decides nothing by itself.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/mutex.h"
#include "common/rpc/server.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern {

namespace pb = quern::dfs::v1;

// Servers are named by their node. Waits are bounded by kPatience. Thread-safe.
class FakeMaster {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(20);
  struct Options {
    std::string cluster_id = "test-cluster";
    uint64_t term = 1;
    uint64_t log_index = 10;  // of the orders
    // Of the present start; 0: the same for every master of this term. Earlier terms are taken for
    // starts of the same history that ended just before `log_index`.
    uint64_t start_id = 0;
    std::string listen = "127.0.0.1:0";
  };
  explicit FakeMaster(const Options& options);
  ~FakeMaster();
  const std::string& address() const { return server_->address(); }

  // Waits until all of these have a session.
  bool AwaitSessions(const std::vector<std::string>& nodes);
  // Addresses of nodes with sessions, in this order.
  std::vector<pb::ServerAddress> Chain(const std::vector<std::string>& nodes);

  // Sends the order, stamped with cluster, term and log index, and waits for its result; the
  // result's code becomes the status.
  using Result = pb::ServerMessage::OrderResult;
  absl::StatusOr<Result> Carry(const std::string& node, pb::Order order);
  // Does not wait.
  void Send(const std::string& node, const pb::Order& order);
  absl::Status Create(ChunkId chunk, const std::vector<std::string>& nodes,
                      uint64_t capacity_bytes = 64 << 20,
                      pb::Durability durability = pb::DURABILITY_ON_CLOSE);
  absl::StatusOr<Result> Fence(const std::string& node, ChunkId chunk, uint64_t producer = 0);
  absl::StatusOr<Result> Finalize(const std::string& node, ChunkId chunk, uint64_t length,
                                  uint32_t crc);
  absl::StatusOr<Result> Copy(const std::string& node, ChunkId chunk, uint64_t length, uint32_t crc,
                              const std::vector<std::string>& sources);
  absl::Status Delete(const std::string& node, ChunkId chunk);
  absl::StatusOr<Result> Verify(const std::string& node, ChunkId chunk);
  absl::Status Quarantine(const std::string& node, ChunkId chunk);

  // What ReportSealed answers; OK at first.
  void AnswerSeals(absl::Status status);
  // The report of the chunk's primary.
  std::optional<pb::ReportSealedRequest> Sealed(ChunkId chunk);
  int seal_reports();

  // What the node last said of the chunk; REMOVED when it never did.
  pb::ReplicaReport Reported(const std::string& node, ChunkId chunk);
  bool AwaitState(const std::string& node, ChunkId chunk, pb::ReplicaState state);
  bool AwaitExpired(const std::string& node, ChunkId chunk);
  // Waits until a heartbeat says that so many disks of the node have failed.
  bool AwaitFailedDisks(const std::string& node, int failed);
  // Waits until a heartbeat says that so many disks of the node hang.
  bool AwaitHangingDisks(const std::string& node, int hanging);
  pb::ServerMessage::Register Registration(const std::string& node);
  // Asks for all buckets.
  std::vector<pb::ReplicaReport> Inventory(const std::string& node);
  // Asks for them in the middle of the session.
  std::vector<uint64_t> Digests(const std::string& node);
  // Reasons why sessions ended.
  int sessions_ended();

  // Of the orders from now on.
  void SetLogIndex(uint64_t log_index);
  // Says how far the log has come.
  void TellProgress(const std::string& node, uint64_t log_index);

 private:
  struct Session {
    pb::ServerMessage::Register registration;
    uint32_t server_id = 0;
    rpc::BulkLoop* loop = nullptr;  // null: over
    std::vector<pb::MasterMessage> outbox;
    uint64_t heartbeat_seq = 0;
    int failed_disks = 0;
    int hanging_disks = 0;
    std::vector<pb::ReplicaReport> inventory;
    bool inventory_done = false;
    std::vector<uint64_t> digests;
  };

  void Serve(rpc::BulkLoop* loop, rpc::BulkStream* stream);
  // Stamps and sends; the order's number, or 0 without a session.
  uint64_t SendLocked(const std::string& node, pb::Order order)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Take(const pb::ServerMessage& message, rpc::BulkLoop* loop, std::string* node)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Admit(const pb::ServerMessage::Register& registration, rpc::BulkLoop* loop)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnReportSealed(rpc::BulkLoop* loop, rpc::BulkStream* stream);
  // Waits for it with mutex_ held.
  bool Await(const std::function<bool()>& done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Session> sessions_ ABSL_GUARDED_BY(mutex_);  // by node
  std::map<std::string, uint32_t> ids_ ABSL_GUARDED_BY(mutex_);      // by server uuid
  std::map<std::pair<std::string, uint64_t>, pb::ReplicaReport> replicas_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, Result> results_ ABSL_GUARDED_BY(mutex_);  // by order
  std::map<uint64_t, pb::ReportSealedRequest> sealed_ ABSL_GUARDED_BY(mutex_);
  absl::Status seal_answer_ ABSL_GUARDED_BY(mutex_);
  int seal_reports_ ABSL_GUARDED_BY(mutex_) = 0;
  int sessions_ended_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_order_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t log_index_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace quern
