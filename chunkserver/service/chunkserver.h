// A whole chunkserver: store, data plane, session with the master, pages.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chunkserver/service/janitor.h"
#include "chunkserver/service/local_reads.h"
#include "chunkserver/service/scrubber.h"
#include "chunkserver/service/services.h"
#include "chunkserver/service/session.h"
#include "chunkserver/store/chunk_store.h"
#include "common/http_server.h"
#include "common/metrics.h"
#include "common/periodic_thread.h"
#include "common/rpc/server.h"
#include "common/server_main.h"

namespace quern::chunkserver {

struct ChunkserverOptions {
  ServerFlags flags;
  uint64_t reserve_bytes = 0;  // kept free on each disk; 0 = 1 GiB or 1 %
  int quarantine_days = 7;
  int scrub_days = 21;                    // each replica is read once in so many; 0: no rounds
  std::vector<std::string> forget_disks;  // see DiskSet
  // Empty: this machine's own. Tests of power cuts pretend a reboot.
  std::string boot_id;
  bool local_reads = true;  // see LocalReads
  Limits limits;
  FileSystem* fs = FileSystem::Real();
  IndexOpener open_index;  // none = RocksDB
  Clock* clock = Clock::Real();
  bool watchdog = true;  // see rpc::ServerOptions
};

class Chunkserver : public RunningServer {
 public:
  // Serves when this returns; whether a master is there does not matter. An error ends the process:
  // beside a disk that hangs, what was started is not ended.
  static absl::StatusOr<std::unique_ptr<Chunkserver>> Start(ChunkserverOptions options);
  ~Chunkserver() override;

  std::string rpc_address() const override;
  std::string http_address() const override;
  void Shutdown() override;

  ChunkStore& store() { return *store_; }
  Session& session() { return *session_; }
  const Services& services() const { return services_; }

 private:
  explicit Chunkserver(ChunkserverOptions options) : options_(std::move(options)) {}
  absl::Status StartParts();
  void StartLocalReads();
  absl::Status StartHttp();

  const ChunkserverOptions options_;
  Metrics metrics_;
  std::unique_ptr<ChunkStore> store_;
  std::unique_ptr<MasterLink> master_;
  ChannelPool channels_;
  std::unique_ptr<BufferPool> buffers_;
  std::unique_ptr<StreamMemory> memory_;
  std::unique_ptr<ServerMetrics> server_metrics_;
  Services services_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Janitor> janitor_;
  std::unique_ptr<Scrubber> scrubber_;
  // Tries the disks that are away again: one that is mounted later is taken in without a restart.
  std::unique_ptr<PeriodicThread> disk_watch_;
  // Apart from that one, which waits for disks.
  std::unique_ptr<PeriodicThread> silence_watch_;
  std::unique_ptr<LocalReads> local_reads_;
  // Tries again while somebody else has the name.
  std::unique_ptr<PeriodicThread> local_reads_watch_;
  std::unique_ptr<rpc::Server> rpc_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace quern::chunkserver
