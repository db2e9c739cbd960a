#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::RenameResponse> Rename(Master& master, const pb::RenameRequest& request,
                                 const CallContext&) {
  return master.committer().Answer<pb::RenameResponse>(
      request.header(), [&](const MetadataView& view) {
        return NamespaceTree(view, master.NowMs()).Rename(request);
      });
}

}  // namespace quern::master
