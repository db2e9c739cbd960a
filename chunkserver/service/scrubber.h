// Reads every replica against its checksums within a bounded time (logic/scrub_round.h), slowly,
// with one thread per disk. A replica that does not match becomes CORRUPT, and the master has it
// replaced. How far a round has come is kept on the disk, in DIR/scrub: a restart goes on there.
//
// A replica that is CORRUPT and still here cannot be replaced: it is the last one, so it is read
// again and again, for it may have been a cable. Readers wait for that, so it has a thread of its
// own on each disk, which no round keeps waiting, and is done also where there are no rounds.
#pragma once

#include <vector>

#include "chunkserver/logic/pace.h"
#include "chunkserver/logic/scrub_round.h"
#include "chunkserver/service/services.h"
#include "common/mutex.h"
#include "common/storage/file_io.h"
#include "common/thread.h"

namespace quern::chunkserver {

// Thread-safe.
class Scrubber {
 public:
  struct Found {
    uint64_t good = 0;
    uint64_t condemned = 0;
    uint64_t unreadable = 0;  // the disk or this server is in trouble: read again in the next round
  };

  // Nothing happens before Start or Scrub.
  Scrubber(const Services& services, FileSystem* fs, const ScrubLimits& limits);
  ~Scrubber() { Stop(); }

  void Start();
  // A round that is under way is left where it is.
  void Stop();
  // Goes on with the round of this disk, or begins one when its time has come, and ends it.
  Found Scrub(size_t disk);
  // Reads all CORRUPT replicas of the disk again.
  Found CheckCondemned(size_t disk);

 private:
  void Run(size_t disk);
  void RunCondemned(size_t disk);
  bool Usable(size_t disk) const;
  std::string ProgressFile(size_t disk) const;
  ScrubProgress Load(size_t disk) const;
  void Save(size_t disk, const ScrubProgress& progress) const;
  // Replicas of the disk in this state, in the order of their ids.
  std::vector<ChunkId> ReplicasIn(size_t disk, ReplicaState state) const;
  void ScrubOne(ChunkId chunk, Pace* pace, Found* found);
  // False when it is to stop.
  bool Pause(absl::Duration pause);
  bool stopping() const;

  const Services& services_;
  FileSystem* const fs_;
  const ScrubLimits limits_;
  mutable Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Thread> threads_;
};

}  // namespace quern::chunkserver
