#include "client/master/master_client.h"

#include <fmt/ranges.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <atomic>
#include <deque>

#include "client/master/change_batch.h"
#include "client/master/request_ids.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/parallel.h"
#include "common/random.h"
#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"

namespace quern::client {
namespace {

// One try never takes the whole patience of a call when there is another master to ask.
constexpr absl::Duration kOneTry = absl::Seconds(10);
// Sealing a broken chunk and waiting for copies take the master some time; still the same request.
constexpr absl::Duration kOneSlowTry = absl::Seconds(30);
constexpr absl::Duration kBriefTry = absl::Seconds(1);
// A file that is half written is worth waiting longer for than a command that has not begun.
constexpr absl::Duration kWriterPatience = absl::Seconds(30);

bool WorthAnotherTry(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

template <typename Response>
absl::StatusOr<Response> Parse(const absl::StatusOr<std::string>& bytes) {
  if (!bytes.ok()) return bytes.status();
  Response response;
  if (!response.ParseFromString(*bytes)) return InternalError("the answer cannot be read");
  return response;
}

struct Master {
  explicit Master(std::string master_address)
      : address(std::move(master_address)),
        channel(rpc::MakeChannel(address, rpc::ChannelKind::kControl)),
        stub(pb::Namespace::NewStub(channel)) {}

  bool connected() const { return channel->GetState(false) == GRPC_CHANNEL_READY; }

  const std::string address;
  const std::shared_ptr<grpc::Channel> channel;
  const std::unique_ptr<pb::Namespace::Stub> stub;
};

struct Patience {
  absl::Duration total;  // no try begins later
  absl::Duration one_try = kOneTry;
  bool past_total = false;  // a try that began in time may take all of one_try
  bool again = true;        // false: one try
};

}  // namespace

struct MasterClient::Impl {
  explicit Impl(const ClientOptions& client_options)
      : options(client_options),
        clock(client_options.clock),
        request_ids(RandomId()),
        changes([this](const pb::ChangeManyRequest& request) {
          // Whoever gets no answer has the rest of its patience for tries of its own.
          return Call(&pb::Namespace::Stub::ChangeMany, request,
                      {.total = options.master_timeout / 2, .again = false});
        }) {
    // Channels connect at their first call only.
    for (const std::string& address : options.masters) masters.emplace_back(address);
  }

  template <typename Request, typename Response>
  using Method = grpc::Status (pb::Namespace::Stub::*)(grpc::ClientContext*, const Request&,
                                                       Response*);

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Request, Response> method, const Request& request,
                                Patience patience);
  // Fills in a new request id, which is to stay the same over all tries and to be ended.
  uint64_t Begin(pb::RequestHeader* header);
  // A call with a request id.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Mutate(Method<Request, Response> method, Request request,
                                  Patience patience);
  // The same, together with other changes that are made at the same time. `place` says where it
  // belongs in a Change.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Change(Method<Request, Response> method, Request request,
                                  Request* (pb::Change::*place)(), Patience patience);
  template <typename Request, typename Response>
  absl::StatusOr<Response> Change(Method<Request, Response> method, Request request,
                                  Request* (pb::Change::*place)()) {
    return Change(method, std::move(request), place, CommandPatience());
  }
  // One that excludes servers is tried once: the next thing to try is not to exclude any. Its
  // request ids stay the same.
  template <typename Request, typename Response>
  absl::StatusOr<Response> CallAvoiding(Method<Request, Response> method, Request* request,
                                        Patience patience);
  template <typename Request, typename Response>
  void CallOnce(Method<Request, Response> method, const Request& request);

  Patience CommandPatience() const { return {.total = options.master_timeout}; }
  Patience WriterPatience() const {
    return {.total = std::max(options.master_timeout, kWriterPatience), .one_try = kOneSlowTry};
  }
  absl::Status GaveUp(const Master& master, const absl::Status& last) const;

  const ClientOptions options;
  Clock* const clock;
  RequestIds request_ids;
  ChangeBatch changes;
  std::deque<Master> masters;
  // The master that answered last.
  std::atomic<size_t> current{0};
};

template <typename Request, typename Response>
absl::StatusOr<Response> MasterClient::Impl::Call(Method<Request, Response> method,
                                                  const Request& request, Patience patience) {
  if (masters.empty()) return InvalidArgumentError("no master is named. Try: set QUERN_MASTER");
  const absl::Time deadline = clock->MonotonicNow() + patience.total;
  Backoff backoff(absl::Milliseconds(20), absl::Seconds(1));
  while (true) {
    const size_t index = current.load() % masters.size();
    Master& master = masters[index];
    const absl::Duration left = deadline - clock->MonotonicNow();
    const absl::Duration timeout =
        patience.past_total ? patience.one_try : std::min(left, patience.one_try);
    Response response;
    const absl::Status status = rpc::Call(timeout, [&](grpc::ClientContext* context) {
      return (master.stub.get()->*method)(context, request, &response);
    });
    if (status.ok()) return response;
    if (!WorthAnotherTry(status)) return status;
    // Also for the next call, when this one ends here.
    current.store(index + 1);
    const absl::Duration pause = backoff.Next();
    if (!patience.again || clock->MonotonicNow() + pause >= deadline) return GaveUp(master, status);
    clock->Sleep(pause);
  }
}

uint64_t MasterClient::Impl::Begin(pb::RequestHeader* header) {
  const uint64_t id = request_ids.Begin();
  header->set_client_id(request_ids.client_id());
  header->set_request_id(id);
  header->set_lowest_outstanding(request_ids.LowestOutstanding());
  header->set_user(options.user);
  header->set_group(options.group);
  return id;
}

template <typename Request, typename Response>
absl::StatusOr<Response> MasterClient::Impl::Mutate(Method<Request, Response> method,
                                                    Request request, Patience patience) {
  const uint64_t id = Begin(request.mutable_header());
  auto response = Call(method, request, patience);
  request_ids.End(id);
  return response;
}

template <typename Request, typename Response>
absl::StatusOr<Response> MasterClient::Impl::Change(Method<Request, Response> method,
                                                    Request request,
                                                    Request* (pb::Change::*place)(),
                                                    Patience patience) {
  const uint64_t id = Begin(request.mutable_header());
  const absl::Time began = clock->MonotonicNow();
  pb::Change change;
  *(change.*place)() = request;
  absl::StatusOr<Response> response;
  const auto answer = changes.Make(std::move(change));
  if (answer.has_value() && !WorthAnotherTry(answer->status())) {
    response = Parse<Response>(*answer);
  } else {
    patience.total = std::max(patience.total - (clock->MonotonicNow() - began), kBriefTry);
    response = Call(method, request, patience);
  }
  request_ids.End(id);
  return response;
}

template <typename Request, typename Response>
absl::StatusOr<Response> MasterClient::Impl::CallAvoiding(Method<Request, Response> method,
                                                          Request* request, Patience patience) {
  patience.again = request->exclude_servers().empty();
  auto response = Call(method, *request, patience);
  if (response.ok() || patience.again) return response;
  // Better a server that failed a moment ago than none at all. The same request: should the first
  // try still succeed, both get the same chunk.
  request->clear_exclude_servers();
  patience.again = true;
  return Call(method, *request, patience);
}

template <typename Request, typename Response>
void MasterClient::Impl::CallOnce(Method<Request, Response> method, const Request& request) {
  if (masters.empty()) return;
  const size_t index = current.load() % masters.size();
  Response response;
  const absl::Status status = rpc::Call(kBriefTry, [&](grpc::ClientContext* context) {
    return (masters[index].stub.get()->*method)(context, request, &response);
  });
  // Whoever calls again asks another one: an idle writer makes no other call.
  if (WorthAnotherTry(status)) current.store(index + 1);
}

// A master that answered "not now" has said why; one that did not answer is named, with a next
// step.
absl::Status MasterClient::Impl::GaveUp(const Master& master, const absl::Status& last) const {
  if (last.code() == absl::StatusCode::kUnavailable && master.connected()) return last;
  return MakeStatus(last.code(),
                    fmt::format("the master at {} does not answer ({}). Try: quern status, or name "
                                "another one with --master or QUERN_MASTER",
                                fmt::join(options.masters, ", "), rpc::WhyNoAnswer(last)));
}

MasterClient::MasterClient(const ClientOptions& options) : impl_(std::make_unique<Impl>(options)) {}
MasterClient::~MasterClient() = default;

using Stub = pb::Namespace::Stub;

absl::StatusOr<pb::MkdirsResponse> MasterClient::Mkdirs(pb::MkdirsRequest request) {
  return impl_->Change(&Stub::Mkdirs, std::move(request), &pb::Change::mutable_mkdirs);
}
absl::StatusOr<pb::CreateResponse> MasterClient::Create(pb::CreateRequest request) {
  return impl_->Change(&Stub::Create, std::move(request), &pb::Change::mutable_create);
}
absl::StatusOr<pb::CreateManyResponse> MasterClient::CreateMany(pb::CreateManyRequest request) {
  Patience patience = impl_->CommandPatience();
  patience.past_total = true;
  std::vector<uint64_t> ids;
  for (auto& file : *request.mutable_files()) ids.push_back(impl_->Begin(file.mutable_header()));
  auto response = impl_->CallAvoiding(&Stub::CreateMany, &request, patience);
  for (const uint64_t id : ids) impl_->request_ids.End(id);
  if (response.ok() && response->answers_size() != request.files_size()) {
    return InternalError("{} files were asked for, {} answers came", request.files_size(),
                         response->answers_size());
  }
  return response;
}
absl::StatusOr<pb::AllocateChunkResponse> MasterClient::AllocateChunk(
    pb::AllocateChunkRequest request) {
  Patience patience = impl_->WriterPatience();
  if (request.ordinal() == 0) {
    // Nothing is written yet, so a file system without chunkservers is soon told; one of whose
    // servers hangs needs the time to find others.
    patience.total = impl_->options.master_timeout;
    patience.past_total = true;
  }
  const uint64_t id = impl_->Begin(request.mutable_header());
  auto response = impl_->CallAvoiding(&Stub::AllocateChunk, &request, patience);
  impl_->request_ids.End(id);
  return response;
}
absl::StatusOr<pb::ResolveChunkResponse> MasterClient::ResolveChunk(
    pb::ResolveChunkRequest request) {
  return impl_->Mutate(&Stub::ResolveChunk, std::move(request), impl_->WriterPatience());
}
absl::StatusOr<pb::CompleteResponse> MasterClient::Complete(pb::CompleteRequest request) {
  // One that only seals and names waits for nothing but the disk; others may wait for copies.
  if (!request.has_seal()) {
    return impl_->Mutate(&Stub::Complete, std::move(request), impl_->WriterPatience());
  }
  return impl_->Change(&Stub::Complete, std::move(request), &pb::Change::mutable_complete,
                       impl_->WriterPatience());
}
std::vector<absl::StatusOr<pb::CompleteResponse>> MasterClient::CompleteMany(
    std::vector<pb::CompleteRequest> requests) {
  pb::ChangeManyRequest together;
  std::vector<uint64_t> ids;
  for (pb::CompleteRequest& request : requests) {
    ids.push_back(impl_->Begin(request.mutable_header()));
    *together.add_changes()->mutable_complete() = request;
  }
  absl::StatusOr<pb::ChangeManyResponse> made = pb::ChangeManyResponse();
  if (!requests.empty()) {
    made = impl_->Call(&Stub::ChangeMany, together, impl_->WriterPatience());
  }
  if (made.ok() && made->answers_size() != together.changes_size()) {
    made = InternalError("{} changes were sent, {} answers came", together.changes_size(),
                         made->answers_size());
  }
  std::vector<absl::StatusOr<pb::CompleteResponse>> responses(requests.size());
  std::vector<size_t> apart;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (!made.ok()) {
      responses[i] = made.status();
      continue;
    }
    responses[i] = Parse<pb::CompleteResponse>(AnswerBytes(made->answers(static_cast<int>(i))));
    if (WorthAnotherTry(responses[i].status())) apart.push_back(i);
  }
  // They have to wait for their copies: the same requests, each for itself.
  ParallelFor(apart.size(), [&](size_t i) {
    responses[apart[i]] = impl_->Call(&Stub::Complete, requests[apart[i]], impl_->WriterPatience());
    return absl::OkStatus();
  }).IgnoreError();
  for (const uint64_t id : ids) impl_->request_ids.End(id);
  return responses;
}
absl::StatusOr<pb::AwaitCopiesResponse> MasterClient::AwaitCopies(
    const pb::AwaitCopiesRequest& request) {
  return impl_->Call(&Stub::AwaitCopies, request, impl_->WriterPatience());
}
absl::StatusOr<pb::AbandonResponse> MasterClient::Abandon(pb::AbandonRequest request) {
  return impl_->Mutate(&Stub::Abandon, std::move(request), {.total = kBriefTry});
}
void MasterClient::AbandonMany(std::vector<pb::AbandonRequest> requests) {
  if (requests.empty()) return;
  pb::ChangeManyRequest together;
  std::vector<uint64_t> ids;
  for (pb::AbandonRequest& request : requests) {
    ids.push_back(impl_->Begin(request.mutable_header()));
    *together.add_changes()->mutable_abandon() = std::move(request);
  }
  impl_->Call(&Stub::ChangeMany, together, {.total = kBriefTry}).status().IgnoreError();
  for (const uint64_t id : ids) impl_->request_ids.End(id);
}
absl::StatusOr<pb::GetChunksResponse> MasterClient::GetChunks(const pb::GetChunksRequest& request) {
  return impl_->Call(&Stub::GetChunks, request, impl_->CommandPatience());
}
absl::StatusOr<pb::StatResponse> MasterClient::Stat(const pb::StatRequest& request) {
  return impl_->Call(&Stub::Stat, request, impl_->CommandPatience());
}
absl::StatusOr<pb::ListResponse> MasterClient::List(const pb::ListRequest& request) {
  return impl_->Call(&Stub::List, request, impl_->CommandPatience());
}
absl::StatusOr<pb::ListOpenFilesResponse> MasterClient::ListOpenFiles(
    const pb::ListOpenFilesRequest& request) {
  return impl_->Call(&Stub::ListOpenFiles, request, impl_->CommandPatience());
}
absl::StatusOr<pb::RenameResponse> MasterClient::Rename(pb::RenameRequest request) {
  return impl_->Change(&Stub::Rename, std::move(request), &pb::Change::mutable_rename);
}
absl::StatusOr<pb::RenameAllResponse> MasterClient::RenameAll(pb::RenameAllRequest request) {
  return impl_->Mutate(&Stub::RenameAll, std::move(request), impl_->CommandPatience());
}
absl::StatusOr<pb::DeleteResponse> MasterClient::Delete(pb::DeleteRequest request) {
  return impl_->Change(&Stub::Delete, std::move(request), &pb::Change::mutable_delete_);
}
absl::StatusOr<pb::SetReplicationResponse> MasterClient::SetReplication(
    pb::SetReplicationRequest request) {
  return impl_->Change(&Stub::SetReplication, std::move(request),
                       &pb::Change::mutable_set_replication);
}
absl::StatusOr<pb::SetAttributesResponse> MasterClient::SetAttributes(
    pb::SetAttributesRequest request) {
  return impl_->Change(&Stub::SetAttributes, std::move(request),
                       &pb::Change::mutable_set_attributes);
}
absl::StatusOr<pb::AdoptHistoryResponse> MasterClient::AdoptHistory(
    const pb::AdoptHistoryRequest& request) {
  return impl_->Call(&Stub::AdoptHistory, request, impl_->CommandPatience());
}
absl::StatusOr<pb::GetClusterResponse> MasterClient::GetCluster() {
  pb::GetClusterRequest request;
  ASSIGN_OR_RETURN(pb::GetClusterResponse all,
                   impl_->Call(&Stub::GetCluster, request, impl_->CommandPatience()));
  for (bool more = all.more_servers(); more && !all.servers().empty();) {
    request.set_start_after_server(all.servers().rbegin()->address().server_id());
    ASSIGN_OR_RETURN(const pb::GetClusterResponse page,
                     impl_->Call(&Stub::GetCluster, request, impl_->CommandPatience()));
    all.mutable_servers()->MergeFrom(page.servers());
    more = page.more_servers();
  }
  return all;
}
void MasterClient::RenewWriter(const pb::RenewWriterRequest& request) {
  impl_->CallOnce(&Stub::RenewWriter, request);
}
void MasterClient::ReportBadReplica(const pb::ReportBadReplicaRequest& request) {
  impl_->CallOnce(&Stub::ReportBadReplica, request);
}

}  // namespace quern::client
