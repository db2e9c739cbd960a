// Sends orders to chunkservers over their sessions and hands back the results.
//
// Each order is stamped with the cluster id, the term and the index of the newest durable record at
// that moment, in the order of its session's stream: everything that an order follows from is in
// the log before it leaves. Thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "common/mutex.h"
#include "common/status.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::master {

namespace pb = quern::dfs::v1;

// The sending half of a chunkserver's session. Thread-safe.
class SessionPipe {
 public:
  virtual ~SessionPipe() = default;
  // Queues a message; order is kept.
  virtual void Send(pb::MasterMessage message) = 0;
  // Ends the session: the server registers anew.
  virtual void Cancel() = 0;
};

class OrderDispatcher {
 public:
  using Result = pb::ServerMessage::OrderResult;
  // Called once per order: with its result, whose code says how it ended, or with Unavailable when
  // there is no session or it broke. By the thread of the session, or of Send.
  using Done = std::function<void(const absl::StatusOr<Result>& result)>;

  struct Stamp {
    std::string cluster_id;
    uint64_t term = 0;
    uint64_t start_id = 0;
  };
  OrderDispatcher(Stamp stamp, std::function<uint64_t()> committed_index)
      : committed_index_(std::move(committed_index)), stamp_(std::move(stamp)) {}

  // For a master that has just started: until so many servers have come, orders wait. Whoever
  // carries out an order follows the master that gave it, and then belongs to no other: an old copy
  // of a master that nobody else has refused yet would take along the first server that comes to
  // it, and the right master would be refused by that one.
  void HoldUntil(size_t servers);
  // Orders wait no longer. Nothing when they do not.
  void Release();
  bool holds();

  // A session begins; an older one of the same server is cancelled.
  void Attach(ServerId server, std::shared_ptr<SessionPipe> pipe);
  // The session has ended. Returns false when a newer one has taken its place already.
  bool Detach(ServerId server, const SessionPipe* pipe);
  // Ends the session of a server, if it has one.
  void Cancel(ServerId server);
  // Ends all sessions and sends nothing any more: every order fails with `why`.
  void Halt(const absl::Status& why);
  // Sends again, with this stamp.
  void Resume(Stamp stamp);

  void Send(ServerId server, pb::Order order, Done done);
  // The same for several orders, in one message.
  struct Item {
    pb::Order order;
    Done done;
  };
  void SendAll(ServerId server, std::vector<Item> items);
  // For orders whose result is only of interest as a report of the replica.
  void Send(ServerId server, pb::Order order) { Send(server, std::move(order), nullptr); }
  // A result has arrived.
  void OnResult(ServerId server, const Result& result);

 private:
  struct Session {
    std::shared_ptr<SessionPipe> pipe;
    absl::flat_hash_map<uint64_t, Done> outstanding{};
    std::vector<pb::MasterMessage> held{};
  };
  static void FailAll(ServerId server, Session session);
  void ReleaseAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<uint64_t()> committed_index_;
  Mutex mutex_;
  Stamp stamp_ ABSL_GUARDED_BY(mutex_);
  absl::Status halted_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<ServerId, Session> sessions_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_order_ ABSL_GUARDED_BY(mutex_) = 1;
  // While orders wait: for how many servers, and those that have come.
  size_t awaited_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_set<ServerId> came_ ABSL_GUARDED_BY(mutex_);
};

// The status of an order's result.
absl::Status OrderStatus(const absl::StatusOr<OrderDispatcher::Result>& result);

// Sends one order to each of several servers and waits: for all results, or until `timeout`, or
// until `patience` after the first result that is OK.
struct GatherOptions {
  Clock* clock = nullptr;  // borrowed
  absl::Duration timeout;
  absl::Duration patience = absl::InfiniteDuration();
};
// One entry per order, in their order; DeadlineExceeded for those that did not answer in time.
std::vector<absl::StatusOr<OrderDispatcher::Result>> SendAndGather(
    OrderDispatcher* dispatcher, std::vector<std::pair<ServerId, pb::Order>> orders,
    const GatherOptions& options);

}  // namespace quern::master
