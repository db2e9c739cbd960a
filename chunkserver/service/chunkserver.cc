#include "chunkserver/service/chunkserver.h"

#include <algorithm>

#include "chunkserver/service/append_stream.h"
#include "chunkserver/service/pages.h"
#include "chunkserver/service/read_stream.h"
#include "chunkserver/service/whole_stream.h"
#include "common/log.h"
#include "common/memory.h"

namespace quern::chunkserver {
namespace {

constexpr size_t kIdleReadBuffers = 64;
constexpr absl::Duration kTryDisksEvery = absl::Seconds(10);
constexpr absl::Duration kTryLocalReadsEvery = absl::Seconds(10);

uint64_t DefaultStreamMemory() {
  return std::clamp(PhysicalMemoryBytes() / 4, uint64_t{1} << 30, uint64_t{16} << 30);
}

template <typename Stream>
rpc::BulkHandler HandlerOf(const Services* services) {
  return [services](rpc::BulkLoop* loop, rpc::BulkStream* stream) {
    Stream(*services, loop, stream).Run();
  };
}

}  // namespace

absl::StatusOr<std::unique_ptr<Chunkserver>> Chunkserver::Start(ChunkserverOptions options) {
  auto server = std::unique_ptr<Chunkserver>(new Chunkserver(std::move(options)));
  const absl::Status started = server->StartParts();
  if (started.ok()) return server;
  // Before anybody waits for a disk. The usual case is a port that is still held by the server
  // before, whose threads do not come back from that disk either. What is wrong with the store is
  // in the log already.
  if (server->store_ != nullptr) LogError("chunkserver_not_started", {{"error", started}});
  const bool may_go = server->store_ == nullptr || server->store_->MayGo();
  // The process ends with this error, and what hangs uses all of it until then.
  if (!may_go) Keep(std::move(server));
  return started;
}

Chunkserver::~Chunkserver() { Shutdown(); }

absl::Status Chunkserver::StartParts() {
  const ServerFlags& flags = options_.flags;
  if (flags.masters.empty()) return InvalidArgumentError("--master: an address is needed");
  ASSIGN_OR_RETURN(
      store_, ChunkStore::Open(
                  {.dirs = flags.dirs,
                   .forget_disks = {options_.forget_disks.begin(), options_.forget_disks.end()},
                   .boot_id = options_.boot_id.empty() ? BootId() : options_.boot_id,
                   .reserve_bytes = options_.reserve_bytes,
                   .fs = options_.fs,
                   .clock = options_.clock,
                   .open_index = options_.open_index,
                   .disk_patience = options_.limits.disk_patience,
                   .disk_silence = options_.limits.disk_silence}));
  master_ = std::make_unique<MasterLink>(flags.masters);
  buffers_ = std::make_unique<BufferPool>(kReadPieceBytes, kIdleReadBuffers);
  const uint64_t stream_memory = options_.limits.stream_memory_bytes;
  memory_ =
      std::make_unique<StreamMemory>(stream_memory == 0 ? DefaultStreamMemory() : stream_memory);
  server_metrics_ = std::make_unique<ServerMetrics>(&metrics_, store_.get(), memory_.get());
  services_ = {.store = store_.get(),
               .master = master_.get(),
               .channels = &channels_,
               .buffers = buffers_.get(),
               .memory = memory_.get(),
               .metrics = server_metrics_.get(),
               .clock = options_.clock,
               .limits = options_.limits};
  ASSIGN_OR_RETURN(rpc_,
                   rpc::Server::Start({.listen = flags.listen,
                                       .insecure_network = flags.insecure_network,
                                       .watchdog = options_.watchdog},
                                      {},
                                      {{kAppendMethod, HandlerOf<AppendStream>(&services_)},
                                       {kAppendWholeMethod, HandlerOf<WholeStream>(&services_)},
                                       {kReadMethod, HandlerOf<ReadStream>(&services_)}}));
  StartLocalReads();
  session_ = std::make_unique<Session>(services_);
  RETURN_IF_ERROR(StartHttp());
  disk_watch_ =
      std::make_unique<PeriodicThread>("disks", kTryDisksEvery, [this] { store_->ReopenDisks(); });
  silence_watch_ = std::make_unique<PeriodicThread>("disk-silence", options_.limits.disk_look,
                                                    [this] { store_->WatchSilence(); });
  janitor_ = std::make_unique<Janitor>(services_, absl::Hours(24) * options_.quarantine_days);
  scrubber_ =
      std::make_unique<Scrubber>(services_, options_.fs,
                                 ScrubLimits{.period = absl::Hours(24) * options_.scrub_days,
                                             .look_every = options_.limits.scrub_look});
  scrubber_->Start();
  session_->Start({.address = AdvertisedAddress(flags, rpc_->address()),
                   .http_address = http_->address(),
                   .node = flags.node,
                   .rack = flags.rack});
  return absl::OkStatus();
}

void Chunkserver::StartLocalReads() {
  if (!options_.local_reads) return;
  const auto start = [this,
                      name = AdvertisedAddress(options_.flags, rpc_->address())]() -> absl::Status {
    ASSIGN_OR_RETURN(local_reads_, LocalReads::Start(services_, name));
    return absl::OkStatus();
  };
  const absl::Status started = start();
  if (started.ok()) return;
  LogWarning("no_local_reads_yet", {{"status", started}});  // slower, nothing else
  local_reads_watch_ =
      std::make_unique<PeriodicThread>("local-reads-start", kTryLocalReadsEvery, [this, start] {
        if (local_reads_ == nullptr && start().ok()) LogInfo("local_reads_started", {});
      });
}

absl::Status Chunkserver::StartHttp() {
  HttpOptions http;
  http.listen = options_.flags.http;
  http.insecure_network = options_.flags.insecure_network;
  http.server_name = "quern-chunkserver " + rpc_->address();
  http.metrics = &metrics_;
  http.ready = [this] {
    const Session::State state = session_->state();
    return state.admitted ? absl::OkStatus() : UnavailableError("no session: {}", state.trouble);
  };
  ASSIGN_OR_RETURN(http_, HttpServer::Start(http, MakePages(services_, *session_)));
  return absl::OkStatus();
}

std::string Chunkserver::rpc_address() const { return rpc_->address(); }
std::string Chunkserver::http_address() const { return http_->address(); }

void Chunkserver::Shutdown() {
  if (http_ != nullptr) http_->Shutdown();
  if (session_ != nullptr) session_->Stop();
  if (rpc_ != nullptr) rpc_->Shutdown(absl::Milliseconds(500));
  local_reads_watch_.reset();
  local_reads_.reset();
  scrubber_.reset();
  janitor_.reset();
  silence_watch_.reset();
  disk_watch_.reset();
}

}  // namespace quern::chunkserver
