#include <algorithm>

#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

// A caller whose deadline is far away is asked to come again after so long.
constexpr absl::Duration kLongestWait = absl::Seconds(20);
// Before the caller gives up, so that it gets the reason.
constexpr absl::Duration kAnswerBefore = absl::Milliseconds(200);

}  // namespace

absl::Time WaitUntil(Master& master, const CallContext& call) {
  const absl::Duration left = call.deadline - kAnswerBefore - master.clock().TimeNow();
  return master.clock().MonotonicNow() + std::min(left, kLongestWait);
}

void AwaitCopies(Master& master, const pb::AwaitCopiesRequest& request, const CallContext& call,
                 Respond<pb::AwaitCopiesResponse> respond) {
  master.writers().Touch(InodeId(request.inode_id()), master.clock().MonotonicNow());
  master.copy_waiters().Add({.inode = InodeId(request.inode_id()),
                             .writer_token = request.writer_token(),
                             .deadline = WaitUntil(master, call),
                             .done = [respond = std::move(respond)](const absl::Status& status) {
                               if (!status.ok()) return respond(status);
                               respond(pb::AwaitCopiesResponse());
                             }});
}

}  // namespace quern::master
