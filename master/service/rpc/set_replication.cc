#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

void SetReplication(Master& master, const pb::SetReplicationRequest& request,
                    Respond<pb::SetReplicationResponse> respond) {
  master.committer().AnswerLater<pb::SetReplicationResponse>(
      request.header(),
      [&](const MetadataView& view) {
        return NamespaceTree(view, master.NowMs()).SetReplication(request);
      },
      std::move(respond));
}

}  // namespace quern::master
