#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::MkdirsResponse> Mkdirs(Master& master, const pb::MkdirsRequest& request,
                                 const CallContext&) {
  return master.committer().Answer<pb::MkdirsResponse>(
      request.header(), [&](const MetadataView& view) {
        return NamespaceTree(view, master.NowMs()).Mkdirs(request);
      });
}

}  // namespace quern::master
