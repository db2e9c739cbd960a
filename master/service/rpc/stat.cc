#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::StatResponse> Stat(Master& master, const pb::StatRequest& request, const CallContext&) {
  const std::unique_ptr<RowReader> rows = master.committer().Snapshot();
  const MetadataView view(*rows);
  Reply<pb::StatResponse> response = NamespaceTree(view, 0).Stat(request);
  if (!view.status().ok()) return view.status();
  return response;
}

}  // namespace quern::master
