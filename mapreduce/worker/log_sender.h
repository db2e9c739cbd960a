// Sends the log of one attempt down a stream: as it is, or as it grows until the attempt has ended.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/rpc/bulk.h"
#include "common/status.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/worker/running_logs.h"
#include "mapreduce/worker/scratch.h"
#include "quern/mr/v1/shuffle.pb.h"

namespace quern::mr {

// Used by the thread of the stream's loop.
class LogSender {
 public:
  // All borrowed.
  LogSender(const pb::ReadLogRequest& request, const Scratch* scratch, RunningLogs* logs,
            rpc::BulkLoop* loop, rpc::BulkStream* stream)
      : request_(request),
        scratch_(*scratch),
        logs_(logs),
        loop_(loop),
        stream_(stream),
        offset_(request.offset()) {}

  // What the stream ends with. NotFound when there is no log.
  absl::Status Run();

 private:
  absl::Status SendNews();
  absl::Status Follow();
  // Looks whether the log is there, or another one than before.
  absl::Status Open(RunningLogs::Follower* follower);
  absl::Status WaitForRoom();
  // Until there may be news.
  absl::Status WaitForNews();
  void Send(std::string data, bool restarted);

  const pb::ReadLogRequest& request_;
  const Scratch& scratch_;
  RunningLogs* const logs_;
  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const stream_;
  std::unique_ptr<File> file_;
  uint64_t inode_ = 0;
  uint64_t offset_;
};

}  // namespace quern::mr
