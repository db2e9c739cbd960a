// What the client library returns: plain values, no protobuf or gRPC types.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/ids.h"

namespace quern::client {

enum class FileType { kFile, kDirectory };

// When an append is acknowledged; fixed when a file is created.
enum class Durability {
  kDefault,  // let the cluster choose
  kOnClose,  // acks come from memory; Sync and Close are durable
  kSync,     // every append is durable before its ack
};

// What `stat` and `ls` show of one file or directory.
struct FileStatus {
  std::string path;  // absolute
  InodeId inode;
  FileType type = FileType::kFile;
  uint64_t length = 0;       // bytes in sealed chunks; 0 for a directory
  uint32_t replication = 0;  // wanted replicas; 0 for a directory
  uint64_t chunk_size = 0;   // largest length of a chunk, bytes
  std::string owner;
  std::string group;
  uint32_t mode = 0;  // permission bits, as chmod takes them
  absl::Time mtime;
  Durability durability = Durability::kDefault;
  bool complete = true;  // false while a writer has it open
  bool lost_tail =
      false;  // bytes may be missing: every replica of a chunk lost power before a sync
  uint32_t chunk_count = 0;
  uint64_t child_count = 0;  // entries of a directory

  bool is_directory() const { return type == FileType::kDirectory; }
  // Last part of the path; "/" for the root.
  std::string name() const;
};

// A file that has a writer.
struct OpenFile {
  InodeId inode;
  std::string path;     // where it is, or will be; empty when the directory is gone
  bool linked = false;  // it can be found there already
  uint64_t length = 0;  // bytes in sealed chunks
  uint32_t chunk_count = 0;
  // Since its writer was heard of; nothing when that has not been since the master started.
  std::optional<absl::Duration> writer_silence;
};

// Where a server can be reached.
struct ServerAddress {
  ServerId id;
  std::string address;  // HOST:PORT of its RPC port
  std::string node;     // machine: what locality is computed from
  std::string rack;
  bool operator==(const ServerAddress&) const = default;
};

// One chunk of a file and where its replicas are.
struct ChunkInfo {
  ChunkId id;
  uint32_t ordinal = 0;  // position in the file, counted from 0
  uint64_t offset = 0;   // of its first byte in the file
  uint64_t length = 0;   // bytes; meaningful once sealed
  uint32_t crc = 0;      // CRC32C of the whole chunk; meaningful once sealed
  bool sealed = false;
  uint32_t wanted_replicas = 0;
  bool lost_tail = false;
  std::vector<ServerAddress> replicas;  // nearest first
};

struct ClusterStatus {
  struct Disk {
    std::string path;
    uint64_t capacity_bytes = 0;
    uint64_t free_bytes = 0;
    bool failed = false;
    std::string device;  // the same for directories on one disk; empty: not known
    bool hangs = false;  // does not answer at present
  };
  struct Server {
    ServerAddress address;
    bool alive = false;
    absl::Duration heartbeat_age;
    uint64_t capacity_bytes = 0;
    uint64_t used_bytes = 0;
    uint64_t free_bytes = 0;
    uint64_t chunk_count = 0;
    std::string http_address;
    std::string version;
    std::vector<Disk> disks;
  };
  std::string cluster_id;
  uint64_t term = 0;  // grows with every start of the master
  uint32_t default_replication = 0;
  uint32_t min_write_replicas = 0;
  std::vector<Server> servers;
  uint64_t file_count = 0;
  uint64_t directory_count = 0;
  uint64_t chunk_count = 0;
  uint64_t under_replicated = 0;  // sealed chunks with fewer replicas than wanted
  uint64_t missing = 0;           // sealed chunks with none
  uint64_t repairs_in_flight = 0;
  bool writable = false;  // new files can be written now
  std::string http_address;
  // Why the master takes nothing new at present; empty = it does.
  std::string halted = {};
};

// What chunkservers know that the master does not, because it was started from an old copy.
struct HistoryConflicts {
  struct Server {
    std::string address;
    uint64_t term = 0;  // of the start of the master that it followed, up to this log index
    uint64_t log_index = 0;
    ChunkId max_chunk;  // its highest
    uint64_t replica_count = 0;
    std::string reason;
  };
  std::vector<Server> servers;
  // Of this master.
  uint64_t term = 0;
  uint64_t log_index = 0;
  ChunkId next_chunk;
  // Chunkservers that it has not heard of since it started.
  uint32_t silent_servers = 0;
};

}  // namespace quern::client
