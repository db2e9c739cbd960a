// What the gRPC library itself writes to stderr.
#pragma once

namespace quern::rpc {

// Silences it, unless GRPC_VERBOSITY is set: every failure comes back as a status, and a command's
// stderr belongs to its user. Cheap to call again.
void QuietGrpcLog();

}  // namespace quern::rpc
