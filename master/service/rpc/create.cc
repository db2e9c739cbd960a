#include "common/random.h"
#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

void Create(Master& master, const pb::CreateRequest& request, Respond<pb::CreateResponse> respond) {
  thread_local Random random = SeededRandom();
  master.committer().AnswerLater<pb::CreateResponse>(
      request.header(),
      [&](const MetadataView& view) {
        return FileLifecycle(view, master.options().file_defaults, master.NowMs())
            .Create(request, random);
      },
      [&, respond = std::move(respond)](Reply<pb::CreateResponse> response) {
        if (response.ok() && !request.empty()) {
          master.writers().Touch(InodeId(response->inode_id()), master.clock().MonotonicNow());
        }
        respond(std::move(response));
      });
}

Reply<pb::CreateWithChunkResponse> CreateWithChunk(Master& master,
                                                   const pb::CreateWithChunkRequest& request,
                                                   const CallContext&) {
  thread_local Random random = SeededRandom();
  pb::CreateRequest create = request.file();
  *create.mutable_header() = request.header();
  const int64_t now_ms = master.NowMs();
  Reply<pb::CreateWithChunkResponse> response =
      master.allocator().CreateWithChunk(request, [&](const MetadataView& view) {
        return FileLifecycle(view, master.options().file_defaults, now_ms).Create(create, random);
      });
  if (response.ok()) {
    master.writers().Touch(InodeId(response->file().inode_id()), master.clock().MonotonicNow());
  }
  return response;
}

}  // namespace quern::master
