#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::AllocateChunkResponse> AllocateChunk(Master& master,
                                               const pb::AllocateChunkRequest& request,
                                               const CallContext&) {
  master.writers().Touch(InodeId(request.inode_id()), master.clock().MonotonicNow());
  return master.allocator().Allocate(request);
}

}  // namespace quern::master
