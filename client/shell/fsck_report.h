// What `dfs fsck` finds out: counts over files and chunks, and the verdict that its last line
// gives. Plain values in, text out.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/shell/chunk_presence.h"
#include "client/types.h"

namespace quern::shell {

// From good to bad. A chunk is waiting when the replicas that it lacks are on servers that are not
// heard of and may come back, and unavailable when that goes for all that it has.
enum class FileHealth {
  kHealthy,
  kWaiting,
  kUnderReplicated,
  kUnavailable,
  kLostTail,
  kMissing,
};

// The worst state of a file's sealed chunks; what is still being written does not count.
FileHealth HealthOf(const std::vector<ChunkPresence>& chunks);

// A sealed chunk without bytes, which is not worth a copy: the master makes none.
bool IsEmpty(const client::ChunkInfo& chunk);
// No copy of these chunks is to be made or removed any more.
bool HasAllReplicas(const std::vector<ChunkPresence>& chunks);
// A chunk has all its replicas if those come on whose servers are late. Within seconds they are
// alive again or dead.
bool DependsOnLateServers(const std::vector<ChunkPresence>& chunks);
// The same with those on servers too that the master has not heard of since it started.
bool DependsOnAwaitedServers(const std::vector<ChunkPresence>& chunks);

// A server that is not heard of, and what that holds back.
struct SilentServer {
  client::ServerAddress address;
  bool awaited = false;   // not heard of since the master's start; else it is late
  uint64_t replicas = 0;  // of chunks that lack some

  // " Chunkserver h:1 (n1) has not reported since the master started: ...".
  std::string Line() const;
};

// Files of the whole file system that are being written and that no path leads to yet.
struct NamelessFiles {
  uint64_t files = 0;
  uint64_t bytes = 0;  // in sealed chunks
  uint64_t chunks = 0;
  // Of a writer; nothing when none has been heard of since the master started.
  std::optional<absl::Duration> longest_silence;

  void Add(const client::OpenFile& file);
  // " Files without a name yet: 1 ...", with the line's end.
  std::string Line() const;
};

struct FsckTotals {
  uint64_t directories = 0;
  uint64_t files = 0;
  uint64_t open_files = 0;  // a writer has them open
  NamelessFiles nameless;
  uint64_t bytes = 0;
  uint64_t chunks = 0;
  uint64_t replicas = 0;
  uint64_t waiting_chunks = 0;
  uint64_t under_replicated_chunks = 0;
  uint64_t unavailable_chunks = 0;
  uint64_t missing_chunks = 0;
  uint64_t lost_tail_chunks = 0;
  std::map<ServerId, SilentServer> silent_servers;
  uint32_t most_wanted = 0;    // replicas, of a chunk that lacks some
  uint64_t servers_alive = 0;  // to be set before Summary

  void Add(const client::FileStatus& file, const std::vector<ChunkPresence>& chunks);
  // "HEALTHY", "UNDER-REPLICATED FOR NOW", "UNDER-REPLICATED", "UNAVAILABLE FOR NOW", "CORRUPT".
  std::string_view Verdict() const;
  bool healthy() const { return Verdict() == "HEALTHY"; }
  // From "Status:" to the last line, "The filesystem under path '/in' is HEALTHY".
  std::string Summary(std::string_view path) const;

 private:
  void AddSilent(const ChunkPresence& chunk);
};

// "/in/a.txt 1024 bytes, 1 chunk:  being written, no name yet, writer heard of 2 s ago".
std::string OpenFileLine(const client::OpenFile& file);
// "/in/a.txt 1024 bytes, 1 chunk:  OK".
std::string FileLine(const client::FileStatus& file, const std::vector<ChunkPresence>& chunks);
// "0. 0x2a len=1024 replicas=3 of 3 crc=e3069283 [cs1 node1 /r1 127.0.0.1:9410, ...]"; replicas
// that do not count follow: " awaited=1 [cs2 ...] late=1 [cs3 ...]".
std::string ChunkLine(const ChunkPresence& chunk, bool locations);

}  // namespace quern::shell
