// What holds for gRPC in the whole process.
#pragma once

namespace quern::rpc {

// Before the first server or channel; only the first call does anything. gRPC's own log lines go
// nowhere unless GRPC_VERBOSITY asks for them: what matters comes back as a status.
void PrepareGrpc();

}  // namespace quern::rpc
