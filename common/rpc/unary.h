// One blocking call with a deadline: status = Call(timeout, [&](auto* c) { return stub->Stat(c,
// req, &resp); }).
#pragma once

#include <absl/time/time.h>
#include <grpcpp/client_context.h>

#include "common/rpc/deadline.h"
#include "common/rpc/grpc_status.h"

namespace quern::rpc {

// Runs `invoke(grpc::ClientContext*)`, which returns a grpc::Status. Fails with Unavailable at once
// when nobody listens, with DeadlineExceeded (outcome unknown) after `timeout`.
template <typename Invoke>
absl::Status Call(absl::Duration timeout, Invoke invoke) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(timeout));
  return FromGrpc(invoke(&context));
}

}  // namespace quern::rpc
