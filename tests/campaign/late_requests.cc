#include "tests/campaign/late_requests.h"

#include <grpcpp/client_context.h>

#include "common/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"

namespace quern::campaign {
namespace {

constexpr absl::Duration kOneTry = absl::Seconds(10);
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kPause = absl::Milliseconds(100);
constexpr size_t kRemembered = 30;

}  // namespace

struct LateRequests::Stub {
  explicit Stub(const std::string& master)
      : stub(pb::Namespace::NewStub(rpc::MakeChannel(master, rpc::ChannelKind::kControl))) {}

  absl::Status MakeDir(const pb::MkdirsRequest& request) const {
    pb::MkdirsResponse response;
    return rpc::Call(kOneTry, [&](grpc::ClientContext* context) {
      return stub->Mkdirs(context, request, &response);
    });
  }
  absl::Status Remove(const pb::DeleteRequest& request) const {
    pb::DeleteResponse response;
    return rpc::Call(kOneTry, [&](grpc::ClientContext* context) {
      return stub->Delete(context, request, &response);
    });
  }

  const std::unique_ptr<pb::Namespace::Stub> stub;
};

LateRequests::LateRequests(const std::string& master, uint64_t seed)
    : stub_(std::make_unique<Stub>(master)), client_id_(seed | 1) {}
LateRequests::~LateRequests() = default;

pb::RequestHeader LateRequests::NextHeader() {
  pb::RequestHeader header;
  header.set_client_id(client_id_);
  header.set_request_id(++last_request_);
  // Everything before has been answered: the master may forget what it answered.
  header.set_lowest_outstanding(last_request_);
  header.set_user("campaign");
  header.set_group("campaign");
  return header;
}

template <typename Send>
absl::Status LateRequests::SendUntilAnswered(const Send& send) {
  Clock* const clock = Clock::Real();
  const absl::Time deadline = clock->MonotonicNow() + kPatience;
  while (true) {
    const absl::Status status = send();
    const bool answered = status.code() != absl::StatusCode::kUnavailable &&
                          status.code() != absl::StatusCode::kDeadlineExceeded;
    if (answered || clock->MonotonicNow() > deadline) return status;
    clock->Sleep(kPause);
  }
}

absl::Status LateRequests::MakeDir(const std::string& path) {
  pb::MkdirsRequest request;
  *request.mutable_header() = NextHeader();
  request.set_path(path);
  request.set_mode(0755);
  sent_.push_back([this, request] { stub_->MakeDir(request).IgnoreError(); });
  if (sent_.size() > kRemembered) sent_.pop_front();
  return SendUntilAnswered([&] { return stub_->MakeDir(request); });
}

absl::Status LateRequests::Remove(const std::string& path) {
  pb::DeleteRequest request;
  *request.mutable_header() = NextHeader();
  request.set_path(path);
  request.set_recursive(true);
  sent_.push_back([this, request] { stub_->Remove(request).IgnoreError(); });
  if (sent_.size() > kRemembered) sent_.pop_front();
  return SendUntilAnswered([&] { return stub_->Remove(request); });
}

void LateRequests::Repeat(Random* random) {
  if (!sent_.empty()) sent_[(*random)() % sent_.size()]();
}

}  // namespace quern::campaign
