// Protobuf messages over a connected socket between a worker and its task process: each is preceded
// by its length as four little-endian bytes.
#pragma once

#include <google/protobuf/message_lite.h>

#include "common/fd.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::mr {

// One thread reads; any number write.
class MessagePipe {
 public:
  explicit MessagePipe(UniqueFd fd) : fd_(std::move(fd)) {}

  // Waits for the next message. OutOfRange: the other side has closed, or is gone. DataLoss: what
  // it sent is no message.
  absl::Status Read(google::protobuf::MessageLite* message);
  // Unavailable: the other side is gone.
  absl::Status Write(const google::protobuf::MessageLite& message) ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes Read return OutOfRange on both sides. From any thread.
  void Shutdown();

 private:
  const UniqueFd fd_;
  Mutex mutex_;  // keeps messages whole
};

}  // namespace quern::mr
