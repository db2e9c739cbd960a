// Sessions between a real server and a SessionClient on loopback, and the outbox of both.
#include <algorithm>
#include <atomic>

#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"
#include "common/rpc/outbox.h"
#include "common/rpc/server.h"
#include "common/rpc/session_client.h"
#include "quern/mr/v1/jobs.pb.h"
#include "tests/support/status_matchers.h"

namespace quern::rpc {
namespace {

using Kind = BulkEvent::Kind;
using testing::ElementsAre;

constexpr absl::Duration kPatience = absl::Seconds(30);

// Any message with a text in it.
mr::v1::GetJobRequest Said(const std::string& text) {
  mr::v1::GetJobRequest message;
  message.set_job_id(text);
  return message;
}

std::string SaidIn(const grpc::ByteBuffer& buffer) {
  mr::v1::GetJobRequest message;
  EXPECT_OK(DecodeMessage(buffer, &message));
  return message.job_id();
}

// The other side: admits with "admitted", remembers what it hears, session by session.
class Peer {
 public:
  struct Options {
    bool admits = true;
    bool reads = true;  // more than the registration
  };
  explicit Peer(const Options& options) : options_(options) {
    server_ = *Server::Start(
        {.watchdog = false}, {},
        {{"/test/Session", [this](BulkLoop* loop, BulkStream* stream) { Serve(loop, stream); }}});
  }
  ~Peer() { server_->Shutdown(absl::ZeroDuration()); }
  const std::string& address() const { return server_->address(); }

  // Waits until this session, counted from 0, has heard so many messages.
  std::vector<std::string> Await(size_t session, size_t messages) {
    MutexLock lock(&mutex_);
    const absl::Time give_up = Clock::Real()->MonotonicNow() + kPatience;
    while (heard_.size() <= session || heard_[session].size() < messages) {
      if (Clock::Real()->MonotonicNow() > give_up) return {"it never came"};
      changed_.WaitFor(&mutex_, absl::Milliseconds(100));
    }
    return heard_[session];
  }
  // Waits until so many sessions have heard something: one may be over before it has.
  bool AwaitSessions(size_t count) {
    MutexLock lock(&mutex_);
    const absl::Time give_up = Clock::Real()->MonotonicNow() + kPatience;
    while (std::count_if(heard_.begin(), heard_.end(), [](const auto& messages) {
             return !messages.empty();
           }) < static_cast<std::ptrdiff_t>(count)) {
      if (Clock::Real()->MonotonicNow() > give_up) return false;
      changed_.WaitFor(&mutex_, absl::Milliseconds(100));
    }
    return true;
  }
  void EndSession() {
    MutexLock lock(&mutex_);
    outbox_->Close();
  }
  void Say(const std::string& text) {
    MutexLock lock(&mutex_);
    outbox_->Put(Said(text));
  }

 private:
  void Serve(BulkLoop* loop, BulkStream* stream) {
    const auto outbox = std::make_shared<Outbox>(loop);
    size_t session = 0;
    {
      MutexLock lock(&mutex_);
      session = heard_.size();
      heard_.emplace_back();
      outbox_ = outbox;
    }
    if (options_.admits) outbox->Put(Said("admitted"));
    absl::Status status;
    while (status.ok()) {
      const BulkEvent event = loop->Next(kPatience);
      if (event.kind == Kind::kEndOfMessages || event.kind == Kind::kFinished) break;
      if (event.kind == Kind::kStopping) status = UnavailableError("stopping");
      if (event.kind == Kind::kMessage) {
        MutexLock lock(&mutex_);
        heard_[session].push_back(SaidIn(event.message));
        changed_.SignalAll();
        if (!options_.reads) stream->PauseReading();
      }
      if (status.ok()) status = outbox->Flush(stream);
    }
    outbox->Detach();
    stream->Finish(status);
  }

  const Options options_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::vector<std::string>> heard_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Outbox> outbox_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Server> server_;
};

class SessionClientTest : public testing::Test, public SessionClient::Handler {
 protected:
  void Start(const Peer::Options& peer, SessionClient::Options options = {}) {
    peer_ = std::make_unique<Peer>(peer);
    options.peer = "peer";
    options.method = "/test/Session";
    options.first_pause = absl::Milliseconds(1);
    client_ = std::make_unique<SessionClient>(options, this);
    client_->Start();
  }
  // Stopped while the pointer still stands: until then the session's thread calls us, and we it.
  void TearDown() override { client_->Stop(); }
  void OnEnd() override { ended_ = true; }

  SessionClient::Target Connect() override {
    return {peer_->address(), MakeChannel(peer_->address(), ChannelKind::kControl)};
  }
  void Register(BulkStream* stream) override {
    // As if by another thread: after the session has begun, before it has registered.
    for (const std::string& text : put_while_registering_) client_->Put(Said(text));
    stream->Send(EncodeMessage(Said("register")));
  }
  absl::Status OnMessage(BulkStream*, const grpc::ByteBuffer& message) override {
    const std::string text = SaidIn(message);
    if (text == "admitted") client_->Admit(heartbeat_);
    if (text == "break") return InternalError("broken by a message");
    return absl::OkStatus();
  }
  void SendHeartbeat(BulkStream* stream) override { stream->Send(EncodeMessage(Said("beat"))); }
  absl::StatusOr<bool> SendNews(BulkStream* stream) override {
    if (news_.empty()) return true;
    if (news_.front() == "lost") {
      news_.clear();
      return ResourceExhaustedError("too much news");
    }
    stream->Send(EncodeMessage(Said(news_.front())));
    news_.erase(news_.begin());
    return news_.empty();
  }

  bool AwaitTrouble(const std::string& text) {
    const absl::Time give_up = Clock::Real()->MonotonicNow() + kPatience;
    while (client_->state().trouble.find(text) == std::string::npos) {
      if (Clock::Real()->MonotonicNow() > give_up) return false;
      Clock::Real()->Sleep(absl::Milliseconds(1));
    }
    return true;
  }

  absl::Duration heartbeat_ = absl::Hours(1);
  std::vector<std::string> put_while_registering_;
  std::atomic<bool> ended_ = false;  // a session
  std::vector<std::string> news_;
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<SessionClient> client_;
};

TEST_F(SessionClientTest, WhatWasPutBeforeAStopStillArrives) {
  Start({});
  ASSERT_THAT(peer_->Await(0, 2), ElementsAre("register", "beat"));
  const std::string much(100'000, 'x');
  for (int i = 0; i < 20; ++i) client_->Put(Said(much));
  client_->Put(Said("the last word"));
  client_->Stop();
  EXPECT_EQ(peer_->Await(0, 23).back(), "the last word");
}

TEST_F(SessionClientTest, RegistersFirstThenTellsNewsThenWhatWasPut) {
  news_ = {"news 1", "news 2", "news 3"};
  put_while_registering_ = {"put 1", "put 2"};
  Start({});
  EXPECT_THAT(peer_->Await(0, 7),
              ElementsAre("register", "news 1", "news 2", "news 3", "put 1", "put 2", "beat"));
  EXPECT_TRUE(client_->state().admitted);
  EXPECT_EQ(client_->state().address, peer_->address());
}

TEST_F(SessionClientTest, AnEndedSessionIsOpenedAgainAndItsAnswersStayInIt) {
  Start({});
  peer_->Await(0, 2);
  const std::shared_ptr<Outbox> first = client_->outbox();
  ASSERT_NE(first, nullptr);
  peer_->EndSession();
  EXPECT_THAT(peer_->Await(1, 2), ElementsAre("register", "beat"));
  first->Put(Said("an answer of the first session"));
  client_->Put(Said("a message"));
  EXPECT_THAT(peer_->Await(1, 3), ElementsAre("register", "beat", "a message"));
}

TEST_F(SessionClientTest, NewsThatAreLostEndTheSessionBeforeAnythingElseIsSent) {
  news_ = {"news 1", "lost"};
  put_while_registering_ = {"put 1"};
  Start({});
  EXPECT_THAT(peer_->Await(1, 3), ElementsAre("register", "put 1", "beat"));
  // What was handed to the stream before may not have left it.
  EXPECT_THAT(peer_->Await(0, 1), testing::Not(testing::Contains("put 1")));
}

TEST_F(SessionClientTest, AMessageThatIsRefusedEndsTheSession) {
  Start({});
  peer_->Await(0, 2);
  peer_->Say("break");
  EXPECT_EQ(peer_->Await(1, 1).front(), "register");
}

TEST_F(SessionClientTest, APeerThatDoesNotAdmitIsTriedAgain) {
  Start({.admits = false}, {.admit_timeout = absl::Milliseconds(20)});
  EXPECT_TRUE(AwaitTrouble("the peer does not answer the registration"));
  EXPECT_TRUE(peer_->AwaitSessions(3));
  EXPECT_FALSE(client_->state().admitted);
}

TEST_F(SessionClientTest, WhatWaitsForAPeerThatReadsNothingIsBounded) {
  Start({.reads = false}, {.max_outbox_bytes = 256 << 10});
  peer_->Await(0, 1);
  const std::string piece(16 << 10, 'x');
  // Until the session ends and no longer: the next one would be full before it has registered.
  while (!ended_) client_->Put(Said(piece));
  EXPECT_EQ(peer_->Await(1, 1).front(), "register");
}

}  // namespace
}  // namespace quern::rpc
