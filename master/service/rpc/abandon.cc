#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

void Abandon(Master& master, const pb::AbandonRequest& request,
             Respond<pb::AbandonResponse> respond) {
  master.committer().AnswerLater<pb::AbandonResponse>(
      request.header(),
      [&](const MetadataView& view) {
        return FileLifecycle(view, master.options().file_defaults, master.NowMs()).Abandon(request);
      },
      std::move(respond));
}

}  // namespace quern::master
