#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

void Complete(Master& master, const pb::CompleteRequest& request, const CallContext& call,
              Respond<pb::CompleteResponse> respond) {
  auto then = [&master, &request, respond = std::move(respond)](const absl::Status& copied) {
    if (!copied.ok()) return respond(copied);
    master.committer().AnswerLater<pb::CompleteResponse>(
        request.header(),
        [&](const MetadataView& view) {
          return FileLifecycle(view, master.options().file_defaults, master.NowMs())
              .Complete(request);
        },
        respond);
  };
  // A repeated request gets its answer whatever has become of the copies since.
  if (master.committer().HoldsAnswer(request.header())) return then(absl::OkStatus());
  master.copy_waiters().Add({.inode = InodeId(request.inode_id()),
                             .writer_token = request.writer_token(),
                             .deadline = WaitUntil(master, call),
                             .done = std::move(then)});
}

}  // namespace quern::master
