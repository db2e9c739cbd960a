#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

void SetAttributes(Master& master, const pb::SetAttributesRequest& request,
                   Respond<pb::SetAttributesResponse> respond) {
  master.committer().AnswerLater<pb::SetAttributesResponse>(
      request.header(),
      [&](const MetadataView& view) {
        return NamespaceTree(view, master.NowMs()).SetAttributes(request);
      },
      std::move(respond));
}

}  // namespace quern::master
