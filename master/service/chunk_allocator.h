// Makes the next chunk of a file: chooses servers, has them make empty replicas, logs OPEN.
//
// Nothing of the chunk is known to anybody before the log has it, and its id is never given out
// again: ids are reserved in the log in blocks, so that a restart cannot repeat one that a server
// has already heard of.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"
#include "master/service/cluster_state.h"
#include "master/service/committer.h"
#include "master/service/options.h"
#include "master/service/order_dispatcher.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::master {

// A file of one kilobyte does not keep 64 MiB from the others. `expected_bytes` 0: not known.
uint64_t ChunkCapacity(const pb::InodeRow& file, uint64_t expected_bytes);
// Where there is no room for so much of a file whose length nobody knows: what to try instead. Most
// such files are short, and the others go on in the next chunk. 0: nothing smaller is worth it.
uint64_t SmallerCapacity(uint64_t capacity);

// Thread-safe.
class ChunkAllocator {
 public:
  ChunkAllocator(const MasterOptions& options, ClusterState* state, Committer* committer,
                 OrderDispatcher* orders, Clock* clock, std::function<void()> on_conflict)
      : options_(options),
        state_(*state),
        committer_(*committer),
        orders_(*orders),
        clock_(*clock),
        on_conflict_(std::move(on_conflict)) {}

  // Unavailable: too few servers are alive. ResourceExhausted: none of them has room.
  absl::StatusOr<pb::AllocateChunkResponse> Allocate(const pb::AllocateChunkRequest& request);
  // Files, each with its first chunk in one change. `decide` is what Create would do.
  using File = pb::CreateManyRequest::File;
  using DecideFile = std::function<absl::StatusOr<Outcome<pb::CreateResponse>>(
      const MetadataView& view, const File& file)>;
  absl::StatusOr<pb::CreateManyResponse> CreateMany(const pb::CreateManyRequest& request,
                                                    const DecideFile& decide);
  // Ids that were reserved so far are not given out any more.
  void DropReserved();

 private:
  struct NewChunk {
    ChunkId id;
    uint64_t token = 0;           // of its Create orders
    std::vector<ServerId> chain;  // primary first
    pb::ChunkLocation location;
    uint64_t capacity = 0;
  };
  // A chunk that is wanted: the next one of this file.
  struct Wish {
    pb::InodeRow file;
    uint64_t capacity = 0;
  };
  // What their writer says of servers.
  struct Writer {
    std::string node;
    std::vector<ServerId> avoid;
  };
  // Servers that could not make a replica, and why, as a part of a sentence.
  using Refusals = std::map<ServerId, std::string>;
  // Empty replicas on enough servers: of all chunks on the same chain. The files have one
  // replication and one durability. `only_room` becomes false when a server has failed for another
  // reason than that; it may be null.
  absl::StatusOr<std::vector<NewChunk>> Make(std::span<const Wish> wishes, const Writer& writer,
                                             bool* only_room = nullptr);
  // The next chunk of a file. Smaller than usual where only that has room, if its writer does not
  // know how much it is going to be.
  absl::StatusOr<NewChunk> MakeNext(Wish wish, const Writer& writer, bool length_known);
  // Logs it and gives the answer; or the answer that the request was given before.
  absl::StatusOr<pb::AllocateChunkResponse> Record(const pb::AllocateChunkRequest& request,
                                                   const NewChunk& made);
  // What was found to be wrong before anything was made is decided like any other answer.
  absl::StatusOr<pb::AllocateChunkResponse> Refuse(const pb::AllocateChunkRequest& request);

  // The parts of CreateMany (create_many.cc); none: no chunk was made for that file.
  using MaybeChunks = std::vector<std::optional<NewChunk>>;
  absl::StatusOr<MaybeChunks> MakeForFiles(const pb::CreateManyRequest& request,
                                           const DecideFile& decide);
  std::vector<absl::StatusOr<pb::CreatedFile>> RecordFiles(const pb::CreateManyRequest& request,
                                                           const DecideFile& decide,
                                                           const MaybeChunks& made);
  static absl::StatusOr<Outcome<pb::CreatedFile>> DecideCreated(
      const MetadataView& view, const File& file, const DecideFile& decide,
      const std::optional<NewChunk>& made);

  // Takes empty replicas away again, of a chunk that the log will never have.
  void Undo(const NewChunk& made);

  absl::StatusOr<ChunkId> NextChunkId();
  absl::StatusOr<pb::InodeRow> CheckFile(const MetadataView& view,
                                         const pb::AllocateChunkRequest& request) const;
  // The chain, primary first: as many as the file wants, or as can be had if that is enough.
  absl::StatusOr<std::vector<ServerId>> ChooseServers(std::span<const Wish> wishes,
                                                      const Writer& writer, const Refusals& failed);
  absl::Status TooFewServers(const pb::InodeRow& file, const PlacementRequest& wanted,
                             uint32_t needed, const Placement& placement, const Refusals& failed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex);
  pb::ChunkLocation Locate(ChunkId chunk, const pb::InodeRow& file,
                           const std::vector<ServerId>& chain);
  // Returns the servers that could not.
  Refusals MakeReplicas(std::span<const NewChunk> made, pb::Durability durability, bool* only_room);
  // Only a server that another master has given orders can have it already.
  void OnFoundThere(ChunkId chunk, ServerId server);

  const MasterOptions& options_;
  ClusterState& state_;
  Committer& committer_;
  OrderDispatcher& orders_;
  Clock& clock_;
  const std::function<void()> on_conflict_;  // this master is an old one (Standing)

  Mutex mutex_;
  uint64_t next_chunk_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t reserved_until_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace quern::master
