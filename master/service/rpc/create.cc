#include "common/random.h"
#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::CreateResponse> Create(Master& master, const pb::CreateRequest& request,
                                 const CallContext&) {
  thread_local Random random = SeededRandom();
  Reply<pb::CreateResponse> response = master.committer().Answer<pb::CreateResponse>(
      request.header(), [&](const MetadataView& view) {
        return FileLifecycle(view, master.options().file_defaults, master.NowMs())
            .Create(request, random);
      });
  if (response.ok() && !request.empty()) {
    master.writers().Touch(InodeId(response->inode_id()), master.clock().MonotonicNow());
  }
  return response;
}

}  // namespace quern::master
