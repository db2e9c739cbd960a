// Streams on which whole chunks were sent and answered: the next small file takes one of them and
// saves what it costs to open a stream on every server of the chain.
#pragma once

#include <absl/time/time.h>

#include <memory>
#include <vector>

#include "client/types.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/rpc/bulk.h"

namespace quern::client {

// Thread-safe. The clock is borrowed.
class RestingStreams {
 public:
  // For one thread at a time.
  struct Stream {
    Stream(const ServerAddress& server, std::shared_ptr<grpc::Channel> channel);

    const ServerAddress primary;
    rpc::BulkLoop loop;
    rpc::BulkStream* const bulk;  // of AppendWhole
    bool rests = false;           // the server waits for others
    absl::Time rests_since = absl::InfinitePast();
  };

  explicit RestingStreams(Clock* clock) : clock_(clock) {}

  // One to this server that has not ended; null when there is none.
  std::unique_ptr<Stream> Take(const ServerAddress& primary);
  void GiveBack(std::unique_ptr<Stream> stream);
  // Streams to a server that failed.
  void Forget(ServerId server);

 private:
  using Streams = std::vector<std::unique_ptr<Stream>>;
  // The one that was used last, once those that have rested too long are taken out as well.
  std::unique_ptr<Stream> TakeFresh(const ServerAddress& primary, Streams* expired);

  Clock* const clock_;
  Mutex mutex_;
  Streams streams_ ABSL_GUARDED_BY(mutex_);  // the one used last at the end
};

}  // namespace quern::client
