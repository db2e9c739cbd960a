// Protobuf messages over a connected socket between a worker and its task process: each is preceded
// by its length as four little-endian bytes.
#pragma once

#include <google/protobuf/message_lite.h>

#include "common/descriptor_identity.h"
#include "common/fd.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::mr {

// One thread reads; any number write.
class MessagePipe {
 public:
  explicit MessagePipe(UniqueFd fd);

  // Waits for the next message. OutOfRange: the other side has closed, or is gone. DataLoss: what
  // it sent is no message.
  absl::Status Read(google::protobuf::MessageLite* message);
  // Unavailable: the other side is gone. FailedPrecondition: IsCutOff.
  absl::Status Write(const google::protobuf::MessageLite& message) ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes Read return OutOfRange on both sides. From any thread.
  void Shutdown();
  // Somebody in this process has closed the descriptor, whatever has its number now. The other side
  // does not notice while a thread waits in Read, which keeps the connection. From any thread.
  bool IsCutOff() const;
  int fd() const { return fd_.get(); }

 private:
  const UniqueFd fd_;
  const DescriptorIdentity identity_;
  Mutex mutex_;  // keeps messages whole
};

}  // namespace quern::mr
