// One blocking call with a deadline: status = Call(timeout, [&](auto* c) { return stub->Stat(c,
// req, &resp); }).
#pragma once

#include <absl/time/time.h>
#include <grpcpp/client_context.h>

#include <string_view>

#include "common/rpc/deadline.h"
#include "common/rpc/grpc_status.h"
#include "common/status.h"

namespace quern::rpc {

// Nobody here cancels such a call. gRPC says so when a server is stopped in the middle of it: the
// outcome is unknown, and there may be another server soon, which is Unavailable. So is a server
// that has no thread for the call: nothing of it was done.
absl::Status StatusOfCall(const grpc::Status& status);

// Runs `invoke(grpc::ClientContext*)`, which returns a grpc::Status. Fails with Unavailable at once
// when nobody listens, with DeadlineExceeded (outcome unknown) after `timeout`.
template <typename Invoke>
absl::Status Call(absl::Duration timeout, Invoke invoke) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(timeout));
  return StatusOfCall(invoke(&context));
}

// A server of ours has said so, and not gRPC that had no answer: of errors of handlers that made
// them with AnswerOf.
grpc::Status AnswerOf(const absl::Status& status);
bool IsAnswer(const grpc::Status& status);
// Of a call that failed without an answer: it surely came to no handler.
bool NeverReached(const absl::Status& status);

// For users, of a call that failed with Unavailable or DeadlineExceeded without a server's answer:
// "nobody listens there", "it is slow, or hangs".
std::string_view WhyNoAnswer(const absl::Status& status);

}  // namespace quern::rpc
