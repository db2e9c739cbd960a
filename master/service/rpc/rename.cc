#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

void Rename(Master& master, const pb::RenameRequest& request, Respond<pb::RenameResponse> respond) {
  master.committer().AnswerLater<pb::RenameResponse>(
      request.header(),
      [&](const MetadataView& view) { return NamespaceTree(view, master.NowMs()).Rename(request); },
      std::move(respond));
}

void RenameAll(Master& master, const pb::RenameAllRequest& request,
               Respond<pb::RenameAllResponse> respond) {
  master.committer().AnswerLater<pb::RenameAllResponse>(
      request.header(),
      [&](const MetadataView& view) {
        return NamespaceTree(view, master.NowMs()).RenameAll(request);
      },
      std::move(respond));
}

}  // namespace quern::master
