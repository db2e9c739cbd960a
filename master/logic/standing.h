// Is this master the newest there is? Every chunkserver remembers whose orders it last carried out;
// one that has followed something which is not in this master's history, or that has a chunk whose
// id this master has yet to give out, proves that this master was started from an old copy.
//
// While there is such a conflict the master is halted as a whole: it gives no orders and changes
// nothing, because whatever it decided would be decided on a past state. The conflict ends when the
// right database is put back (another process), when the server comes without it (its disks were
// emptied), or when somebody decides to adopt: to go on with what this master has, at a term, a log
// index and chunk ids beyond everything that any server has seen.
// (common/master_history.h) Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/master_history.h"
#include "common/status.h"
#include "quern/dfs/v1/cluster.pb.h"
#include "quern/dfs/v1/master_log.pb.h"

namespace quern::master {

namespace pb = quern::dfs::v1;

class Standing {
 public:
  // What one server knows and this master does not.
  struct Conflict {
    FollowedMaster followed;
    ChunkId max_chunk;
    uint64_t replica_count = 0;
    std::string reason;
  };

  // From the log: all starts, in any order, and the chunk id from which on none was given out.
  void Load(std::vector<MasterStart> starts, uint64_t next_chunk);
  // Chunk ids below have been reserved, durably.
  void Reserved(uint64_t next_chunk);

  // From here on no chunk id was given out.
  uint64_t next_chunk() const { return next_chunk_; }
  // The present start.
  const MasterStart& start() const { return starts_.back(); }
  // What a server that followed this needs to see: its start and the present one.
  std::vector<MasterStart> HistoryFor(const FollowedMaster& followed) const;

  // A server registers: notes, or takes back, its conflict. FailedPrecondition: it has one.
  absl::Status Register(const pb::ServerMessage::Register& registration);
  // The server at this address has a replica of this chunk. The same.
  absl::Status CheckReplica(std::string_view address, ChunkId chunk);
  // A replica of a chunk that was just given its id was there already. Always a conflict.
  absl::Status FoundBeforeItsTime(std::string_view address, ChunkId chunk);

  // OK, or why the master is halted.
  absl::Status status() const;
  // By the address of the server.
  const std::map<std::string, Conflict, std::less<>>& conflicts() const { return conflicts_; }

  // The record by which this master goes on regardless, and the least index that it must have.
  struct Adoption {
    pb::AdoptHistory record;
    uint64_t index = 0;
  };
  Adoption Adopt(uint64_t new_start_id) const;

 private:
  absl::Status Note(std::string_view address, Conflict conflict);

  std::vector<MasterStart> starts_ = {MasterStart()};  // the present one last
  uint64_t next_chunk_ = 0;
  std::map<std::string, Conflict, std::less<>> conflicts_;
};

// How many starts a master's log keeps: a server that followed an older one is taken for a
// stranger.
inline constexpr size_t kKeptStarts = 10'000;
// The start to forget so that the limit is kept, oldest first.
std::vector<uint64_t> StartsToForget(std::vector<MasterStart> starts);

}  // namespace quern::master
