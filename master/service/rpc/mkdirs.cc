#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

void Mkdirs(Master& master, const pb::MkdirsRequest& request, Respond<pb::MkdirsResponse> respond) {
  master.committer().AnswerLater<pb::MkdirsResponse>(
      request.header(),
      [&](const MetadataView& view) { return NamespaceTree(view, master.NowMs()).Mkdirs(request); },
      std::move(respond));
}

}  // namespace quern::master
