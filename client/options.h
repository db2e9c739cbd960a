// What callers choose: plain values, no protobuf or gRPC types.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/types.h"
#include "common/clock.h"

namespace quern::client {

struct ClientOptions {
  std::vector<std::string> masters =
      {};                  // HOST:PORT; the next one is tried when one does not answer
  std::string user = {};   // empty = the process's login name
  std::string group = {};  // empty = its group's name
  std::string node = {};   // machine this runs on; empty = QUERN_NODE, else the host name
  // How long calls wait for a master that is not there, and writers for chunkservers.
  absl::Duration master_timeout = absl::Seconds(5);
  // How long readers wait for a chunk of which no replica can be read, when that is shorter.
  absl::Duration chunk_patience = absl::InfiniteDuration();
  // A chunkserver that owes an answer and sends nothing for so long, and for what the bytes that
  // are awaited take over a slow link (client/patience.h), counts as failed: a paused or cut-off
  // machine breaks no connection.
  absl::Duration server_silence = absl::Seconds(5);
  // How often the master is told that a file is still being written. It gives up one that it hears
  // nothing of for an hour.
  absl::Duration renew_writers = absl::Minutes(5);
  // Sealed replicas on this machine are read from their files, with the same checks.
  bool local_reads = true;
  Clock* clock = Clock::Real();
};

struct MkdirsOptions {
  bool parents = false;  // make missing parents and accept an existing directory
  uint32_t mode = 0755;
};

struct DeleteOptions {
  bool recursive = false;  // needed for a directory that is not empty
};

enum class RenameMode {
  kNoReplace,    // an existing target is AlreadyExists
  kReplaceFile,  // an existing file is replaced atomically
  kReplaceTree,  // an existing file or directory tree is replaced atomically
};

// Only the fields that are set change.
struct AttributeChange {
  std::optional<uint32_t> mode;
  std::optional<std::string> owner;
  std::optional<std::string> group;
  std::optional<absl::Time> mtime;
};

struct CreateOptions {
  // Bytes that the file is going to have, as far as is known; 0: not known. Only that much room is
  // reserved, and a small file is made in fewer steps.
  uint64_t expected_bytes = 0;
  uint32_t replication = 0;  // 0 = the cluster's default
  uint64_t chunk_size = 0;   // bytes, 0 = 64 MiB
  Durability durability = Durability::kDefault;
  bool overwrite = false;  // replace an existing file of that name, atomically
  // Replace this very file and no other: Aborted when it has not the name any more. Whoever reads,
  // changes and writes anew what others change too loses none of their changes.
  std::optional<InodeId> replaces = std::nullopt;
  bool create_parents = false;  // make missing directories
  uint32_t mode = 0644;
  absl::Time mtime = absl::InfinitePast();  // keep this mtime; InfinitePast = time of Close
};

}  // namespace quern::client
