#include "master/service/order_dispatcher.h"

#include <algorithm>
#include <optional>

#include "common/clock.h"
#include "common/log.h"

namespace quern::master {
namespace {

// What the results of several orders come together in. Outlives its Gather when results are late.
struct Gathering {
  Mutex mutex;
  CondVar changed;
  std::vector<std::optional<absl::StatusOr<OrderDispatcher::Result>>> results
      ABSL_GUARDED_BY(mutex);
  size_t missing ABSL_GUARDED_BY(mutex) = 0;
  bool any_ok ABSL_GUARDED_BY(mutex) = false;
};

}  // namespace

void OrderDispatcher::FailAll(ServerId server, Session session) {
  for (const auto& [id, done] : session.outstanding) {
    if (done) done(UnavailableError("{}: its session broke", server));
  }
}

void OrderDispatcher::HoldUntil(size_t servers) {
  MutexLock lock(&mutex_);
  awaited_ = servers;
}

void OrderDispatcher::Release() {
  MutexLock lock(&mutex_);
  if (awaited_ > 0) {
    LogWarning("orders_released", {{"awaited", awaited_}, {"came", came_.size()}});
  }
  ReleaseAll();
}

bool OrderDispatcher::holds() {
  MutexLock lock(&mutex_);
  return awaited_ > 0;
}

void OrderDispatcher::ReleaseAll() {
  if (awaited_ == 0) return;
  awaited_ = 0;
  came_.clear();
  for (auto& [server, session] : sessions_) {
    for (pb::MasterMessage& message : session.held) session.pipe->Send(std::move(message));
    session.held.clear();
  }
}

void OrderDispatcher::Attach(ServerId server, std::shared_ptr<SessionPipe> pipe) {
  Session old;
  {
    MutexLock lock(&mutex_);
    if (!halted_.ok()) pipe->Cancel();
    old = std::exchange(sessions_[server], Session{.pipe = std::move(pipe)});
    if (awaited_ > 0) came_.insert(server);
    if (came_.size() >= awaited_) ReleaseAll();
  }
  if (old.pipe != nullptr) old.pipe->Cancel();
  FailAll(server, std::move(old));
}

bool OrderDispatcher::Detach(ServerId server, const SessionPipe* pipe) {
  Session old;
  {
    MutexLock lock(&mutex_);
    const auto found = sessions_.find(server);
    if (found == sessions_.end() || found->second.pipe.get() != pipe) return false;
    old = std::move(found->second);
    sessions_.erase(found);
  }
  FailAll(server, std::move(old));
  return true;
}

void OrderDispatcher::Cancel(ServerId server) {
  std::shared_ptr<SessionPipe> pipe;
  {
    MutexLock lock(&mutex_);
    const auto found = sessions_.find(server);
    if (found != sessions_.end()) pipe = found->second.pipe;
  }
  if (pipe != nullptr) pipe->Cancel();
}

void OrderDispatcher::Halt(const absl::Status& why) {
  std::vector<std::shared_ptr<SessionPipe>> pipes;
  {
    MutexLock lock(&mutex_);
    halted_ = why;
    for (const auto& [server, session] : sessions_) pipes.push_back(session.pipe);
  }
  for (const auto& pipe : pipes) pipe->Cancel();
}

void OrderDispatcher::Resume(Stamp stamp) {
  MutexLock lock(&mutex_);
  // Somebody has decided that this is the master. What was held is of another history, and its
  // sessions were ended.
  halted_ = absl::OkStatus();
  stamp_ = std::move(stamp);
  awaited_ = 0;
}

void OrderDispatcher::Send(ServerId server, pb::Order order, Done done) {
  std::vector<Item> items(1);
  items[0] = {std::move(order), std::move(done)};
  SendAll(server, std::move(items));
}

void OrderDispatcher::SendAll(ServerId server, std::vector<Item> items) {
  absl::Status failure;
  {
    MutexLock lock(&mutex_);
    failure = halted_;
    const auto found = sessions_.find(server);
    if (failure.ok() && found != sessions_.end()) {
      pb::MasterMessage message;
      for (Item& item : items) {
        const uint64_t id = next_order_++;
        found->second.outstanding[id] = std::move(item.done);
        pb::Order* order = message.mutable_orders()->add_orders();
        *order = std::move(item.order);
        order->set_order_id(id);
        order->set_cluster_id(stamp_.cluster_id);
        order->set_term(stamp_.term);
        order->set_start_id(stamp_.start_id);
        order->set_log_index(committed_index_());
      }
      if (awaited_ > 0) {
        found->second.held.push_back(std::move(message));
      } else {
        found->second.pipe->Send(std::move(message));
      }
      return;
    }
  }
  if (failure.ok()) failure = UnavailableError("{}: has no session with the master", server);
  for (const Item& item : items) {
    if (item.done) item.done(failure);
  }
}

void OrderDispatcher::OnResult(ServerId server, const Result& result) {
  Done done;
  {
    MutexLock lock(&mutex_);
    const auto session = sessions_.find(server);
    if (session == sessions_.end()) return;
    const auto order = session->second.outstanding.find(result.order_id());
    if (order == session->second.outstanding.end()) return;
    done = std::move(order->second);
    session->second.outstanding.erase(order);
  }
  if (done) done(result);
}

absl::Status OrderStatus(const absl::StatusOr<OrderDispatcher::Result>& result) {
  if (!result.ok()) return result.status();
  if (result->code() == 0) return absl::OkStatus();
  return MakeStatus(static_cast<absl::StatusCode>(result->code()), result->message());
}

std::vector<absl::StatusOr<OrderDispatcher::Result>> SendAndGather(
    OrderDispatcher* dispatcher, std::vector<std::pair<ServerId, pb::Order>> orders,
    const GatherOptions& options) {
  const auto gathering = std::make_shared<Gathering>();
  {
    MutexLock lock(&gathering->mutex);
    gathering->results.resize(orders.size());
    gathering->missing = orders.size();
  }
  for (size_t i = 0; i < orders.size(); ++i) {
    dispatcher->Send(orders[i].first, std::move(orders[i].second),
                     [gathering, i](const absl::StatusOr<OrderDispatcher::Result>& result) {
                       MutexLock lock(&gathering->mutex);
                       gathering->results[i] = result;
                       --gathering->missing;
                       if (OrderStatus(result).ok()) gathering->any_ok = true;
                       gathering->changed.SignalAll();
                     });
  }
  absl::Time deadline = options.clock->MonotonicNow() + options.timeout;
  bool shortened = false;
  MutexLock lock(&gathering->mutex);
  while (gathering->missing > 0) {
    if (gathering->any_ok && !shortened) {
      shortened = true;
      deadline = std::min(deadline, options.clock->MonotonicNow() + options.patience);
    }
    const absl::Duration left = deadline - options.clock->MonotonicNow();
    if (left <= absl::ZeroDuration()) break;
    gathering->changed.WaitFor(&gathering->mutex, left);
  }
  std::vector<absl::StatusOr<OrderDispatcher::Result>> results;
  for (size_t i = 0; i < orders.size(); ++i) {
    results.push_back(gathering->results[i].has_value()
                          ? *gathering->results[i]
                          : DeadlineExceededError("{}: did not answer in time", orders[i].first));
  }
  return results;
}

}  // namespace quern::master
