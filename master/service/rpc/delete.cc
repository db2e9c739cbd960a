#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::DeleteResponse> Delete(Master& master, const pb::DeleteRequest& request,
                                 const CallContext&) {
  return master.committer().Answer<pb::DeleteResponse>(
      request.header(), [&](const MetadataView& view) {
        return NamespaceTree(view, master.NowMs()).Delete(request);
      });
}

}  // namespace quern::master
