// Which replicas of a chunk are there at present.
//
// The master also names replicas on servers of which it has heard nothing since it started, or
// nothing for some seconds: readers may find them there. They are no replicas that anybody may rely
// on.
#pragma once

#include <map>
#include <vector>

#include "client/types.h"

namespace quern::shell {

struct ChunkPresence {
  client::ChunkInfo info;                      // its replicas: those on servers that are alive
  std::vector<client::ServerAddress> awaited;  // on servers not heard of since the master's start
  std::vector<client::ServerAddress> late;     // on servers heard of since, not for some seconds
};

// The servers of a cluster that are not alive, as far as the master still names their replicas.
class SilentServers {
 public:
  SilentServers() = default;
  explicit SilentServers(const client::ClusterStatus& cluster);

  // Chunks that are being written stay as they are: their list is the chain of their writer.
  std::vector<ChunkPresence> Separate(std::vector<client::ChunkInfo> chunks) const;

 private:
  enum class Silence { kAwaited, kLate };
  std::map<ServerId, Silence> servers_;
};

}  // namespace quern::shell
