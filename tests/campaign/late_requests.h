// Changes sent by hand, so that they can be sent once more: a request that was answered long ago
// and arrives again.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "common/random.h"
#include "common/status.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::campaign {

namespace pb = quern::dfs::v1;

// Not thread-safe.
class LateRequests {
 public:
  LateRequests(const std::string& master, uint64_t seed);
  ~LateRequests();

  absl::Status MakeDir(const std::string& path);
  absl::Status Remove(const std::string& path);
  // Sends one of the last requests again. Its answer does not matter.
  void Repeat(Random* random);

 private:
  struct Stub;
  pb::RequestHeader NextHeader();
  template <typename Send>
  absl::Status SendUntilAnswered(const Send& send);

  const std::unique_ptr<Stub> stub_;
  const uint64_t client_id_;
  uint64_t last_request_ = 0;
  std::deque<std::function<void()>> sent_;
};

}  // namespace quern::campaign
