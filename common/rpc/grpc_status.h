// absl::Status <-> grpc::Status, in one place. Codes map one to one; messages are kept.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

namespace quern::rpc {

grpc::Status ToGrpc(const absl::Status& status);
// Adds nothing to the message except a hint when no server was there.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace quern::rpc
