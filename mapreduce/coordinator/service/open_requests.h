// The requests that are being accepted. That takes its time, and a client that waits for it may ask
// again: one thread works on a request, and whoever has a turn after it finds what it has made.
// Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>

#include "common/mutex.h"
#include "common/status.h"

namespace quern::mr {

class OpenRequests {
  using Key = std::pair<uint64_t, uint64_t>;  // client id, request id
  struct Close {
    OpenRequests* requests = nullptr;
    void operator()(const Key* key) const { requests->Remove(key); }
  };

 public:
  // To be kept until what the request makes can be found by others.
  using Turn = std::unique_ptr<const Key, Close>;
  // Unavailable (kBeingAccepted): another thread has it. A client without an id never repeats one.
  absl::StatusOr<Turn> Begin(uint64_t client_id, uint64_t request_id);

 private:
  void Remove(const Key* key);

  Mutex mutex_;
  std::set<Key> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::mr
