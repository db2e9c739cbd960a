// What `dfs fsck` finds out: counts over files and chunks, and the verdict that its last line
// gives. Plain values in, text out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/types.h"

namespace quern::shell {

enum class FileHealth { kHealthy, kUnderReplicated, kLostTail, kMissing };

// The worst state of a file's sealed chunks; what is still being written does not count.
FileHealth HealthOf(const std::vector<client::ChunkInfo>& chunks);

// A sealed chunk without bytes, which is not worth a copy: the master makes none.
bool IsEmpty(const client::ChunkInfo& chunk);
// No copy of these chunks is to be made or removed any more.
bool HasAllReplicas(const std::vector<client::ChunkInfo>& chunks);

struct FsckTotals {
  uint64_t directories = 0;
  uint64_t files = 0;
  uint64_t open_files = 0;  // a writer has them open
  uint64_t bytes = 0;
  uint64_t chunks = 0;
  uint64_t replicas = 0;
  uint64_t under_replicated_chunks = 0;
  uint64_t missing_chunks = 0;
  uint64_t lost_tail_chunks = 0;

  void Add(const client::FileStatus& file, const std::vector<client::ChunkInfo>& chunks);
  // "HEALTHY", "UNDER-REPLICATED", "CORRUPT".
  std::string_view Verdict() const;
  bool healthy() const { return Verdict() == "HEALTHY"; }
  // From "Status:" to the last line, "The filesystem under path '/in' is HEALTHY".
  std::string Summary(std::string_view path) const;
};

// "/in/a.txt 1024 bytes, 1 chunk:  OK".
std::string FileLine(const client::FileStatus& file, const std::vector<client::ChunkInfo>& chunks);
// "0. 0x2a len=1024 replicas=3 of 3 crc=e3069283 [cs1 node1 /r1 127.0.0.1:9410, ...]".
std::string ChunkLine(const client::ChunkInfo& chunk, bool locations);

}  // namespace quern::shell
