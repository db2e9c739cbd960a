#include <atomic>
#include <memory>
#include <utility>

#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

constexpr int kMaxChanges = 1000;

// What the answers come together in; the last one sends them.
struct Answers {
  pb::ChangeManyResponse response;
  std::atomic<int> missing;
  Respond<pb::ChangeManyResponse> respond;
};

class Changes {
 public:
  Changes(Master& master, std::shared_ptr<Answers> answers)
      : master_(master), answers_(std::move(answers)) {}

  void Make(int index, const pb::Change& change) {
    switch (change.kind_case()) {
      case pb::Change::kMkdirs:
        return Call(index, &Mkdirs, change.mkdirs());
      case pb::Change::kCreate:
        return Call(index, &Create, change.create());
      case pb::Change::kAbandon:
        return Call(index, &Abandon, change.abandon());
      case pb::Change::kRename:
        return Call(index, &Rename, change.rename());
      case pb::Change::kDelete:
        return Call(index, &Delete, change.delete_());
      case pb::Change::kSetReplication:
        return Call(index, &SetReplication, change.set_replication());
      case pb::Change::kSetAttributes:
        return Call(index, &SetAttributes, change.set_attributes());
      case pb::Change::kComplete:
        return Call(index, &CompleteWithOthers, change.complete());
      case pb::Change::KIND_NOT_SET:
        break;
    }
    Answer(answers_, index, InvalidArgumentError("a change of a kind that is not known"), "");
  }

 private:
  template <typename Request, typename Response>
  void Call(int index, void (*handler)(Master&, const Request&, Respond<Response>),
            const Request& request) {
    handler(master_, request, [answers = answers_, index](Reply<Response> reply) {
      Answer(answers, index, reply.status(), reply.ok() ? reply->SerializeAsString() : "");
    });
  }
  static void Answer(const std::shared_ptr<Answers>& answers, int index, const absl::Status& status,
                     std::string response) {
    pb::ChangeManyResponse::Answer* answer = answers->response.mutable_answers(index);
    answer->set_code(static_cast<int32_t>(status.code()));
    answer->set_message(std::string(Message(status)));
    answer->set_response(std::move(response));
    if (answers->missing.fetch_sub(1) == 1) answers->respond(std::move(answers->response));
  }

  Master& master_;
  const std::shared_ptr<Answers> answers_;
};

}  // namespace

void ChangeMany(Master& master, const pb::ChangeManyRequest& request,
                Respond<pb::ChangeManyResponse> respond) {
  const int count = request.changes_size();
  if (count == 0 || count > kMaxChanges) {
    return respond(
        InvalidArgumentError("{} changes at once: 1 to {} are possible", count, kMaxChanges));
  }
  const auto answers = std::make_shared<Answers>();
  answers->missing = count;
  answers->respond = std::move(respond);
  for (int i = 0; i < count; ++i) answers->response.add_answers();
  Changes changes(master, answers);
  const Committer::Together together(&master.committer());
  // After the last one is made the request may be gone.
  for (int i = 0; i < count; ++i) changes.Make(i, request.changes(i));
}

}  // namespace quern::master
