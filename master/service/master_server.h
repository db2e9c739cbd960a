// A whole master process: store, Master, RPC server and pages, made and ended in the right order.
#pragma once

#include <memory>
#include <string>

#include "common/http_server.h"
#include "common/metrics.h"
#include "common/rpc/server.h"
#include "common/server_main.h"
#include "master/service/master.h"
#include "master/service/master_services.h"
#include "master/service/session_handler.h"
#include "master/store/rocks_metadata_store.h"

namespace quern::master {

class MasterServer : public RunningServer {
 public:
  static absl::StatusOr<std::unique_ptr<RunningServer>> Start(const ServerFlags& flags,
                                                              const MasterOptions& options,
                                                              Clock* clock);
  ~MasterServer() override;

  std::string rpc_address() const override { return rpc_->address(); }
  std::string http_address() const override { return http_->address(); }
  void Shutdown() override;

 private:
  MasterServer() = default;
  absl::Status StartHttp(const ServerFlags& flags);
  absl::Status StartRpc(const ServerFlags& flags);

  Metrics metrics_;
  std::unique_ptr<RocksMetadataStore> store_;
  std::unique_ptr<Master> master_;
  std::unique_ptr<SessionHandler> sessions_;
  std::unique_ptr<MasterServices> services_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<rpc::Server> rpc_;
};

}  // namespace quern::master
