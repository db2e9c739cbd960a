// What the parts of a chunkserver's service side share: its store, its way to the master and to
// other chunkservers, its numbers, its limits. Owned by Chunkserver; everything else borrows it.
#pragma once

#include <absl/time/time.h>

#include "chunkserver/logic/scrub_round.h"
#include "chunkserver/service/buffer_pool.h"
#include "chunkserver/service/channel_pool.h"
#include "chunkserver/service/master_link.h"
#include "chunkserver/service/server_metrics.h"
#include "chunkserver/service/stream_memory.h"
#include "chunkserver/store/chunk_store.h"
#include "common/clock.h"
#include "common/rpc/settings.h"

namespace quern::chunkserver {

struct Limits {
  // No answer of the next replica for so long breaks the chain. A server further up the chain waits
  // `ack_stagger` longer for each replica below it, so that the one next to the trouble speaks
  // first.
  absl::Duration ack_timeout = absl::Seconds(10);
  absl::Duration ack_stagger = absl::Seconds(1);
  // The same for a Sync or Seal, which waits for disks.
  absl::Duration sync_timeout = absl::Seconds(60);
  // A primary keeps telling the master of its seal for so long; then the client has it resolved.
  absl::Duration report_sealed = absl::Seconds(30);
  // Bytes on their way to the next replica, or to a reader, before the source is paused; less when
  // the memory that all streams share is short.
  uint64_t max_unsent_bytes = uint64_t{8} << 20;
  // Shared by all streams; see logic/memory_budget.h. 0: a quarter of the machine's memory, but at
  // least 1 and at most 16 GiB.
  uint64_t stream_memory_bytes = 0;
  // A stream of whole chunks waits for others for so long, unless there are more than so many
  // append streams of all kinds; the side that sends uses it again only within a quarter of that
  // time.
  absl::Duration append_rest = absl::Seconds(4);
  int max_streams_to_rest = 192;
  // A reader that takes nothing for so long is dropped, and so is a stream on which the first
  // message does not come.
  absl::Duration read_stall = absl::Seconds(60);
  // Orders that wait; more are refused.
  size_t max_waiting_orders = 200'000;
  // Of each disk.
  int order_threads = 4;
  int copy_threads = 2;
  // How fast replicas are read to be verified, on each disk.
  uint64_t verify_bytes_per_second = uint64_t{32} << 20;
  // Before a replica that the disk refuses to give is read again: a bus that is being reset, or a
  // path that is being changed, is no damage.
  absl::Duration verify_retry = absl::Seconds(10);
  // See ScrubLimits.
  absl::Duration scrub_look = ScrubLimits().look_every;
  // A disk that lets an operation wait for longer hangs: no new replicas, reads and appends there
  // until it answers.
  absl::Duration disk_patience = kDiskPatience;
  // For longer: its replicas are not counted on any more.
  absl::Duration disk_silence = kDiskSilence;
  // How often the space of a disk is looked at.
  absl::Duration disk_look = absl::Seconds(1);
  // One attempt of a copy from one source: so long, and what its bytes take at the lowest speed
  // that is worth waiting for.
  absl::Duration copy_timeout = absl::Minutes(10);
  uint64_t copy_bytes_per_second = uint64_t{1} << 20;
  // Whatever the time left: a source that says nothing for so long gives nothing more.
  absl::Duration copy_silence = absl::Minutes(2);
};

struct Services {
  ChunkStore* store = nullptr;
  MasterLink* master = nullptr;
  ChannelPool* channels = nullptr;
  BufferPool* buffers = nullptr;
  StreamMemory* memory = nullptr;
  ServerMetrics* metrics = nullptr;
  Clock* clock = nullptr;
  Limits limits;
};

// The largest payload of a message.
inline constexpr uint64_t kPieceBytes = uint64_t{1} << 20;
// What a stream needs to get on. A read: a piece that is being sent and one that is being read. An
// append: besides these what the connection takes in while nobody reads from it.
inline constexpr uint64_t kReadFloorBytes = 2 * kPieceBytes;
inline constexpr uint64_t kAppendFloorBytes = 2 * kPieceBytes + rpc::kReceiveWindowBytes;

inline constexpr char kAppendMethod[] = "/quern.dfs.v1.ChunkData/Append";
inline constexpr char kAppendWholeMethod[] = "/quern.dfs.v1.ChunkData/AppendWhole";
inline constexpr char kReadMethod[] = "/quern.dfs.v1.ChunkData/Read";
inline constexpr char kSessionMethod[] = "/quern.dfs.v1.Cluster/Session";

}  // namespace quern::chunkserver
