#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

void Delete(Master& master, const pb::DeleteRequest& request, Respond<pb::DeleteResponse> respond) {
  master.committer().AnswerLater<pb::DeleteResponse>(
      request.header(),
      [&](const MetadataView& view) { return NamespaceTree(view, master.NowMs()).Delete(request); },
      std::move(respond));
}

}  // namespace quern::master
