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

Reply<pb::CreateManyResponse> CreateMany(Master& master, const pb::CreateManyRequest& request,
                                         const CallContext&) {
  thread_local Random random = SeededRandom();
  const int64_t now_ms = master.NowMs();
  Reply<pb::CreateManyResponse> response = master.allocator().CreateMany(
      request,
      [&](const MetadataView& view,
          const pb::CreateManyRequest::File& file) -> absl::StatusOr<Outcome<pb::CreateResponse>> {
        if (file.file().empty()) {
          return InvalidArgumentError("{}: an empty file has no first chunk", file.file().path());
        }
        pb::CreateRequest create = file.file();
        *create.mutable_header() = file.header();
        return FileLifecycle(view, master.options().file_defaults, now_ms).Create(create, random);
      });
  if (!response.ok()) return response;
  for (const auto& answer : response->answers()) {
    if (answer.code() != 0) continue;
    master.writers().Touch(InodeId(answer.made().file().inode_id()), master.clock().MonotonicNow());
  }
  return response;
}

}  // namespace quern::master
