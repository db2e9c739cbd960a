#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::SetReplicationResponse> SetReplication(Master& master,
                                                 const pb::SetReplicationRequest& request,
                                                 const CallContext&) {
  return master.committer().Answer<pb::SetReplicationResponse>(
      request.header(), [&](const MetadataView& view) {
        return NamespaceTree(view, master.NowMs()).SetReplication(request);
      });
}

}  // namespace quern::master
