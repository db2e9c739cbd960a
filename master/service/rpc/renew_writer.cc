#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::RenewWriterResponse> RenewWriter(Master& master, const pb::RenewWriterRequest& request,
                                           const CallContext&) {
  const InodeId inode(request.inode_id());
  const std::unique_ptr<RowReader> rows = master.committer().Snapshot();
  const MetadataView view(*rows);
  const absl::Status status = FileLifecycle(view, master.options().file_defaults, 0)
                                  .CheckWriter(inode, request.writer_token())
                                  .status();
  RETURN_IF_ERROR(view.status());
  RETURN_IF_ERROR(status);
  master.writers().Touch(inode, master.clock().MonotonicNow());
  return pb::RenewWriterResponse();
}

}  // namespace quern::master
