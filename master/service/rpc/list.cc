#include "master/logic/namespace_tree.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::ListResponse> List(Master& master, const pb::ListRequest& request, const CallContext&) {
  const std::unique_ptr<RowReader> rows = master.committer().Snapshot();
  const MetadataView view(*rows);
  Reply<pb::ListResponse> response = NamespaceTree(view, 0).List(request);
  if (!view.status().ok()) return view.status();
  return response;
}

}  // namespace quern::master
