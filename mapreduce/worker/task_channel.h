// The worker's end of the socket pair between it and a task process: length-prefixed messages of
// task.proto, never blocking on a task that does not read.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <utility>

#include "common/fd.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/task.pb.h"

namespace quern::mr {

// Used by one thread, except Wake.
class TaskChannel {
 public:
  // The other end is for the child to inherit.
  static absl::StatusOr<std::pair<TaskChannel, UniqueFd>> Create();

  // Sent while Receive waits.
  void Queue(const pb::ToTask& message);

  enum class Event { kMessage, kTimeout, kWoken, kClosed };
  // Waits for the next message, or until Wake, or until the task has closed its end (after all of
  // its messages were received). InvalidArgument for anything that is not a message: user code may
  // have written to the socket.
  absl::StatusOr<Event> Receive(absl::Duration timeout, pb::FromTask* message);
  // Makes Receive return kWoken. From any thread.
  void Wake();

 private:
  TaskChannel(UniqueFd socket, UniqueFd wake)
      : socket_(std::move(socket)), wake_(std::move(wake)) {}
  absl::StatusOr<bool> TakeMessage(pb::FromTask* message);
  void Flush();
  // False at the end of the stream.
  bool Fill();

  UniqueFd socket_;
  UniqueFd wake_;
  std::string out_;
  std::string in_;
  bool closed_ = false;
};

}  // namespace quern::mr
