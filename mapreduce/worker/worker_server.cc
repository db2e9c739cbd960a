#include "mapreduce/worker/worker_server.h"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "client/file_system.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/random.h"
#include "common/rpc/server.h"
#include "common/version.h"
#include "mapreduce/worker/attempt_runner.h"
#include "mapreduce/worker/coordinator_session.h"
#include "mapreduce/worker/pages.h"
#include "mapreduce/worker/plugin_cache.h"
#include "mapreduce/worker/running_logs.h"
#include "mapreduce/worker/scratch.h"
#include "mapreduce/worker/shuffle_service.h"
#include "mapreduce/worker/task_pool.h"
#include "mapreduce/worker/worker.h"

namespace quern::mr {
namespace {

absl::StatusOr<std::string> FindTaskBinary(const std::string& configured) {
  std::error_code error;
  const std::string path =
      configured.empty()
          ? (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "quern-task")
                .string()
          : configured;
  if (!std::filesystem::exists(path, error)) {
    return NotFoundError("{}: not there. Try: --task_binary PATH", path);
  }
  return path;
}

std::string JoinAddresses(const std::vector<std::string>& addresses) {
  std::string joined;
  for (const std::string& address : addresses) joined += (joined.empty() ? "" : ",") + address;
  return joined;
}

class WorkerServer final : public RunningServer {
 public:
  ~WorkerServer() override { Shutdown(); }

  absl::Status Start(const ServerFlags& flags, const WorkerFlags& own) {
    ASSIGN_OR_RETURN(const std::string binary, FindTaskBinary(own.task_binary));
    ASSIGN_OR_RETURN(scratch_, Scratch::Open(flags.dirs));
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    slots_ = static_cast<uint32_t>(std::max(own.slots > 0 ? own.slots : cores, 1));
    client::ClientOptions dfs;
    dfs.masters = flags.masters;
    dfs.node = flags.node;
    dfs.master_timeout = absl::Minutes(1);
    dfs_ = client::FileSystem::Create(dfs);
    plugins_ = std::make_unique<PluginCache>(
        scratch_->main_dir() + "/plugins",
        [this](const std::string& path, const auto& sink) { return FetchFile(path, sink); });
    processes_ = std::make_unique<TaskPool>(binary, slots_);
    shuffle_ = std::make_unique<ShuffleService>(scratch_.get(), &logs_);
    rpc::ServerOptions options;
    options.listen = flags.listen;
    options.insecure_network = flags.insecure_network;
    options.max_bulk_streams = 8'192;  // one per reducer that fetches
    ASSIGN_OR_RETURN(server_, rpc::Server::Start(options, {}, shuffle_->Methods()));
    context_.scratch = scratch_.get();
    context_.plugins = plugins_.get();
    context_.processes = processes_.get();
    context_.logs = &logs_;
    context_.master = JoinAddresses(flags.masters);
    context_.node = flags.node;
    context_.address = AdvertisedAddress(flags, server_->address());
    context_.report = [this](const pb::WorkerMessage& message) { session_->Send(message); };
    worker_ = std::make_unique<Worker>(&context_);
    session_ = std::make_unique<CoordinatorSession>(own.coordinators, MakeHandlers(flags));
    RETURN_IF_ERROR(StartPages(flags));
    session_->Start();  // a registration says where the pages are
    return absl::OkStatus();
  }

  std::string rpc_address() const override { return server_->address(); }
  std::string http_address() const override { return http_->address(); }

  void Shutdown() override {
    if (http_ != nullptr) http_->Shutdown();
    if (worker_ != nullptr) worker_->Shutdown();
    if (session_ != nullptr) session_->Shutdown();
    if (server_ != nullptr) server_->Shutdown(absl::Seconds(1));
  }

 private:
  absl::Status FetchFile(const std::string& path,
                         const std::function<absl::Status(std::string_view)>& sink) {
    ASSIGN_OR_RETURN(const auto reader, dfs_->Open(path));
    const auto stream = reader->Stream(0, reader->status().length);
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
      if (bytes.empty()) return absl::OkStatus();
      RETURN_IF_ERROR(sink(bytes));
    }
  }

  CoordinatorSession::Handlers MakeHandlers(const ServerFlags& flags) {
    CoordinatorSession::Handlers handlers;
    handlers.make_register = [this, flags] {
      pb::WorkerMessage::Register message;
      message.set_worker_id(scratch_->worker_id());
      message.set_address(context_.address);
      message.set_http_address(http_->address());
      message.set_node(flags.node);
      message.set_rack(flags.rack);
      message.set_slots(slots_);
      message.set_version(VersionString());
      message.set_process(process_);
      worker_->FillRegister(&message);
      return message;
    };
    handlers.admitted = [this](const pb::CoordinatorMessage::Admitted& admitted) {
      return worker_->OnAdmitted(admitted.cluster_id());
    };
    handlers.make_heartbeat = [this] {
      pb::WorkerMessage::Heartbeat beat;
      worker_->FillHeartbeat(&beat);
      return beat;
    };
    handlers.late_reports = [this] { return worker_->TakeLateReports(); };
    handlers.acknowledged = [this](const auto& message) { worker_->OnAcknowledged(message); };
    handlers.order = [this](const pb::WorkerOrder& order) { worker_->OnOrder(order); };
    return handlers;
  }

  absl::Status StartPages(const ServerFlags& flags) {
    const WorkerView view = {.scratch = scratch_.get(),
                             .processes = processes_.get(),
                             .worker = worker_.get(),
                             .session = session_.get(),
                             .slots = slots_};
    AddWorkerMetrics(view, &metrics_);
    HttpOptions http;
    http.listen = flags.http;
    http.insecure_network = flags.insecure_network;
    http.server_name = "quern-worker " + flags.node;
    http.metrics = &metrics_;
    http.ready = [this] {
      return session_->connected() ? absl::OkStatus()
                                   : UnavailableError("no session with the coordinator");
    };
    ASSIGN_OR_RETURN(http_, HttpServer::Start(http, WorkerPages(view)));
    return absl::OkStatus();
  }

  const uint64_t process_ = RandomId();
  uint32_t slots_ = 1;
  std::unique_ptr<Scratch> scratch_;
  std::unique_ptr<client::FileSystem> dfs_;
  std::unique_ptr<PluginCache> plugins_;
  std::unique_ptr<TaskPool> processes_;
  RunningLogs logs_;
  std::unique_ptr<ShuffleService> shuffle_;
  AttemptContext context_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<CoordinatorSession> session_;
  Metrics metrics_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RunningServer>> StartWorkerServer(const ServerFlags& flags,
                                                                 const WorkerFlags& own) {
  auto server = std::make_unique<WorkerServer>();
  RETURN_IF_ERROR(server->Start(flags, own));
  return server;
}

}  // namespace quern::mr
