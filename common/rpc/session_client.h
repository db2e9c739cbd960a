// A server's session with the process that it reports to: one bulk stream, opened again for ever.
//
//   connect -> register -> admitted -> heartbeats, messages both ways -> broken -> pause -> connect
//
// Pauses double and are spread, so that thousands of servers do not come back at the same moment;
// the loss of a session, and every new reason why there is none, is logged once. What a broken
// session swallows is not sent again: the next registration says everything that matters anew.
#pragma once

#include <absl/time/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/rpc/bulk.h"
#include "common/rpc/outbox.h"
#include "common/thread.h"

namespace quern::rpc {

// Thread-safe.
class SessionClient {
 public:
  struct Target {
    std::string address;  // HOST:PORT, for logs
    std::shared_ptr<grpc::Channel> channel;
  };

  // What is special about a session. Called by the session's thread only.
  class Handler {
   public:
    virtual ~Handler() = default;
    // Where to try next.
    virtual Target Connect() = 0;
    // Sends what a session begins with.
    virtual void Register(BulkStream* stream) = 0;
    // A message of the peer; calls Admit when that is what it says. An error ends the session.
    virtual absl::Status OnMessage(BulkStream* stream, const grpc::ByteBuffer& message) = 0;
    virtual void SendHeartbeat(BulkStream* stream) = 0;
    // Sends what has to come before the messages that have been Put by now. False when there is
    // more of it than should be sent at once: it is asked again before anything that was Put goes.
    // An error ends the session, before anything else is sent.
    virtual absl::StatusOr<bool> SendNews(BulkStream* /*stream*/) { return true; }
    // Puts into the outbox what was kept for it, so that several things travel as one message.
    virtual void Collect(Outbox* /*outbox*/) {}
    // The session has ended, whether it was admitted or not.
    virtual void OnEnd() {}
  };

  struct Options {
    std::string peer = {};    // what the other side is: "master"
    std::string method = {};  // "/package.Service/Method"
    // The peer has so long to admit.
    absl::Duration admit_timeout = absl::Seconds(10);
    absl::Duration first_pause = absl::Milliseconds(100);
    absl::Duration longest_pause = absl::Seconds(2);
    // Stop lets the peer take what was Put before for so long.
    absl::Duration last_words = absl::Seconds(1);
    size_t max_outbox_bytes = Outbox::kMaxBytes;
    Clock* clock = Clock::Real();
  };

  // The handler is borrowed and used between Start and Stop.
  SessionClient(Options options, Handler* handler);
  ~SessionClient() { Stop(); }

  void Start();
  // What was Put before still goes, if the peer takes it.
  void Stop();

  // By the handler, in OnMessage: the peer has admitted us.
  void Admit(absl::Duration heartbeat_every);

  // Dropped while there is no session. What is Put before the session is admitted goes right after.
  void Put(const google::protobuf::MessageLite& message);
  // The outbox of the present session, for answers that belong to it and to no later one; null
  // while there is none.
  std::shared_ptr<Outbox> outbox() const;
  // There is something for SendNews or Collect.
  void Wake();

  struct State {
    bool admitted = false;
    std::string address;  // of the peer, of the present try
    std::string trouble;  // why there is no session
  };
  State state() const;

 private:
  void Run();
  absl::Status RunOnce();
  absl::Status Serve(BulkLoop* loop, BulkStream* stream, Outbox* outbox);
  absl::Status SendWaiting(BulkStream* stream, Outbox* outbox);
  absl::Status SendLastWords(BulkLoop* loop, BulkStream* stream, Outbox* outbox);
  void SetTrouble(const absl::Status& status);
  // False when it is time to stop.
  bool Pause(absl::Duration duration);
  bool stopping() const;

  const Options options_;
  Handler* const handler_;

  // The session's thread's own.
  bool admitted_ = false;
  absl::Duration heartbeat_every_ = absl::Seconds(1);
  absl::Time next_heartbeat_;  // before the admission: the end of the patience
  std::vector<grpc::ByteBuffer> held_back_;

  mutable Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  State state_ ABSL_GUARDED_BY(mutex_);
  BulkLoop* loop_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::shared_ptr<Outbox> outbox_ ABSL_GUARDED_BY(mutex_);

  Thread thread_;
};

}  // namespace quern::rpc
