#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::SetAttributesResponse> SetAttributes(Master& master,
                                               const pb::SetAttributesRequest& request,
                                               const CallContext&) {
  return master.committer().Answer<pb::SetAttributesResponse>(
      request.header(), [&](const MetadataView& view) {
        return NamespaceTree(view, master.NowMs()).SetAttributes(request);
      });
}

}  // namespace quern::master
