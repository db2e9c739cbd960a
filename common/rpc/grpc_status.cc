#include "common/rpc/grpc_status.h"

#include "common/status.h"

namespace quern::rpc {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // Both enumerations are google.rpc.Code.
  return {static_cast<grpc::StatusCode>(status.code()), std::string(Message(status))};
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return MakeStatus(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace quern::rpc
