// The worker's session against a coordinator that only listens.
#include "mapreduce/worker/coordinator_session.h"

#include <gmock/gmock.h>
#include <grpcpp/impl/service_type.h>
#include <gtest/gtest.h>

#include <deque>

#include "common/rpc/bulk_codec.h"
#include "common/rpc/server.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

// Admits whoever has registered and keeps what it is told.
class SilentCoordinator {
 public:
  SilentCoordinator() {
    rpc::ServerOptions options;
    options.watchdog = false;
    server_ = *rpc::Server::Start(
        options, {},
        {{"/quern.mr.v1.Coordinator/Session",
          [this](rpc::BulkLoop* loop, rpc::BulkStream* stream) { Serve(loop, stream); }}});
  }
  ~SilentCoordinator() { server_->Shutdown(absl::ZeroDuration()); }

  const std::string& address() const { return server_->address(); }
  pb::WorkerMessage Next() {
    MutexLock lock(&mutex_);
    while (messages_.empty()) changed_.Wait(&mutex_);
    pb::WorkerMessage message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }
  // Ends the session at its next message.
  void EndSession() {
    MutexLock lock(&mutex_);
    end_session_ = true;
  }

 private:
  void Serve(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
    while (true) {
      const rpc::BulkEvent event = loop->Next(absl::Seconds(60));
      if (event.kind == Kind::kSent) continue;
      if (event.kind != Kind::kMessage) return stream->Finish(absl::OkStatus());
      pb::WorkerMessage message;
      EXPECT_TRUE(rpc::DecodeMessage(event.message, &message).ok());
      if (message.has_register_() && !message.register_().more()) {
        pb::CoordinatorMessage admitted;
        admitted.mutable_admitted()->set_cluster_id("c");
        admitted.mutable_admitted()->set_term(1);
        stream->Send(rpc::EncodeMessage(admitted));
      }
      MutexLock lock(&mutex_);
      messages_.push_back(std::move(message));
      changed_.SignalAll();
      if (!std::exchange(end_session_, false)) continue;
      return stream->Finish(UnavailableError("by the test"));
    }
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<pb::WorkerMessage> messages_ ABSL_GUARDED_BY(mutex_);
  bool end_session_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<rpc::Server> server_;
};

class CoordinatorSessionTest : public testing::Test {
 protected:
  CoordinatorSession::Handlers Handlers() {
    CoordinatorSession::Handlers handlers;
    handlers.make_register = [this] { return registration_; };
    handlers.make_heartbeat = [this] {
      if (before_heartbeat_) before_heartbeat_();
      return pb::WorkerMessage::Heartbeat();
    };
    handlers.late_reports = [] { return std::vector<pb::WorkerMessage>(); };
    handlers.admitted = [](const auto&) { return false; };
    handlers.order = [](const auto&) {};
    handlers.acknowledged = [](const auto&) {};
    return handlers;
  }
  static pb::WorkerMessage Update(uint32_t task, size_t bytes = 0) {
    pb::WorkerMessage message;
    message.mutable_update()->mutable_id()->set_task(task);
    message.mutable_update()->mutable_failure()->set_log_tail(std::string(bytes, 'x'));
    return message;
  }

  SilentCoordinator coordinator_;
  pb::WorkerMessage::Register registration_;
  std::function<void()> before_heartbeat_;
};

TEST_F(CoordinatorSessionTest, RegistersInPiecesHoweverMuchThereIs) {
  registration_.set_worker_id("w-1");
  for (uint32_t i = 0; i < 200; ++i) {
    auto* held = registration_.add_held();
    held->mutable_id()->set_task(i);
    held->mutable_result()->set_output_path(std::string(100'000, 'p'));  // 20 MB in all
  }
  CoordinatorSession session({coordinator_.address()}, Handlers());
  session.Start();
  pb::WorkerMessage::Register whole;
  for (bool more = true; more;) {
    const pb::WorkerMessage message = coordinator_.Next();
    ASSERT_TRUE(message.has_register_());
    whole.MergeFrom(message.register_());
    more = message.register_().more();
  }
  whole.clear_more();
  EXPECT_EQ(whole.SerializeAsString(), registration_.SerializeAsString());
  EXPECT_TRUE(coordinator_.Next().has_heartbeat()) << "the session stands";
}

TEST_F(CoordinatorSessionTest, AMessageThatCannotBeSentDoesNotEndTheSession) {
  CoordinatorSession session({coordinator_.address()}, Handlers());
  session.Start();
  ASSERT_TRUE(coordinator_.Next().has_register_());
  ASSERT_TRUE(coordinator_.Next().has_heartbeat());
  session.Send(Update(1, 9 << 20));
  session.Send(Update(2));
  pb::WorkerMessage next = coordinator_.Next();
  while (next.has_heartbeat()) next = coordinator_.Next();
  EXPECT_EQ(next.update().id().task(), 2u) << next.kind_case();
}

TEST_F(CoordinatorSessionTest, AHeartbeatComesAfterWhatWasReportedBeforeItWasMade) {
  std::unique_ptr<CoordinatorSession> session;
  before_heartbeat_ = [&] { session->Send(Update(7)); };
  session = std::make_unique<CoordinatorSession>(std::vector{coordinator_.address()}, Handlers());
  session->Start();
  ASSERT_TRUE(coordinator_.Next().has_register_());
  for (int beat = 0; beat < 2; ++beat) {
    EXPECT_EQ(coordinator_.Next().update().id().task(), 7u);
    EXPECT_TRUE(coordinator_.Next().has_heartbeat());
  }
  session->Shutdown();
}

TEST_F(CoordinatorSessionTest, RegistersAgainAfterASessionHasEnded) {
  CoordinatorSession session({coordinator_.address()}, Handlers());
  session.Start();
  ASSERT_TRUE(coordinator_.Next().has_register_());
  coordinator_.EndSession();
  while (!coordinator_.Next().has_register_()) continue;
}

}  // namespace
}  // namespace quern::mr
