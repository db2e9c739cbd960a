// Bulk streams: raw gRPC messages on completion queues, driven by one thread per loop.
//
// A BulkLoop owns a completion queue and any number of streams. One thread calls Next() in a loop
// and gets one event at a time; everything that belongs to the streams is therefore touched by that
// thread alone and needs no lock. A server's stream and the client streams it opens to others (the
// next replica of a chain) share the loop of its handler.
//
// Reading: messages arrive as kMessage events, in order; PauseReading() stops asking for more,
// which is how back-pressure reaches the sender. Writing: Send() queues; unsent_bytes() says how
// far the peer is behind; kSent comes whenever one message has left.
#pragma once

#include <absl/time/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"

namespace quern::rpc {

class BulkLoop;

// Either end of one stream. Used by the thread of its loop only.
class BulkStream {
 public:
  virtual ~BulkStream() = default;
  BulkStream(const BulkStream&) = delete;
  BulkStream& operator=(const BulkStream&) = delete;

  // Queues a message; order is kept. Dropped silently after the stream has failed: the failure is
  // told by kFinished (client) or kEndOfMessages (server).
  virtual void Send(grpc::ByteBuffer message) = 0;
  // Bytes and messages queued and not yet handed to the transport.
  virtual size_t unsent_bytes() const = 0;
  virtual size_t unsent_messages() const = 0;
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;
  // Client: no more Sends. Server: nothing.
  virtual void CloseSend() = 0;
  // Server: ends the stream with this status after the queued messages. Client: nothing.
  virtual void Finish(const absl::Status& status) = 0;
  // Gives up at once; a client still gets kFinished.
  virtual void Cancel() = 0;
  // A message could not be sent: the peer is gone.
  virtual bool failed() const = 0;

 protected:
  BulkStream() = default;
};

struct BulkEvent {
  enum class Kind {
    kTimeout,        // the deadline of Next passed
    kWoken,          // Wake() was called
    kStopping,       // the server is shutting down: the handler should end soon
    kMessage,        // `message` arrived
    kSent,           // one message has been handed to the transport
    kEndOfMessages,  // server: the client sends no more, or is gone
    kFinished,       // the stream is over; client: with `status`. No more events of it.
  };
  Kind kind = Kind::kTimeout;
  BulkStream* stream = nullptr;
  grpc::ByteBuffer message;
  absl::Status status;
};

class BulkLoop {
 public:
  BulkLoop();
  // Cancels every stream and waits for its operations to end.
  ~BulkLoop();
  BulkLoop(const BulkLoop&) = delete;
  BulkLoop& operator=(const BulkLoop&) = delete;

  // Waits for the next event.
  BulkEvent Next(absl::Duration timeout);

  // Makes Next return kWoken. The only call that other threads may make.
  void Wake();

  // Opens `method` ("/quern.dfs.v1.ChunkData/Append"). The stream belongs to the loop and lives
  // until Close or the loop's end. The peer hears of it with its first message. `timeout` bounds
  // the whole stream; InfiniteDuration = none.
  BulkStream* Open(std::shared_ptr<grpc::Channel> channel, const std::string& method,
                   absl::Duration timeout);
  // Forgets a stream: cancels it if it is still going on; no more events of it.
  void Close(BulkStream* stream);

 private:
  friend class BulkServer;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What a server does with one stream: runs on a thread of its own until it returns. It should end
// with stream->Finish(status) and need not wait for kFinished. A handler that waits long must also
// end when Next says kStopping.
using BulkHandler = std::function<void(BulkLoop* loop, BulkStream* stream)>;

struct BulkMethod {
  std::string name;  // "/package.Service/Method"
  BulkHandler handler;
};

}  // namespace quern::rpc
