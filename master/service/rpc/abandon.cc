#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::AbandonResponse> Abandon(Master& master, const pb::AbandonRequest& request,
                                   const CallContext&) {
  return master.committer().Answer<pb::AbandonResponse>(
      request.header(), [&](const MetadataView& view) {
        return FileLifecycle(view, master.options().file_defaults, master.NowMs()).Abandon(request);
      });
}

}  // namespace quern::master
