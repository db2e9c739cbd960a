#include "chunkserver/service/master_link.h"

#include <algorithm>

#include "common/random.h"
#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "quern/dfs/v1/cluster.grpc.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(5);

bool WorthRepeating(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kResourceExhausted;
}

}  // namespace

MasterLink::MasterLink(std::vector<std::string> addresses)
    : addresses_(std::move(addresses)),
      client_id_(RandomId()),
      channel_(rpc::MakeChannel(addresses_.front(), rpc::ChannelKind::kControl)) {}

std::string MasterLink::address() const {
  MutexLock lock(&mutex_);
  return addresses_[current_];
}

std::shared_ptr<grpc::Channel> MasterLink::channel() const {
  MutexLock lock(&mutex_);
  return channel_;
}

void MasterLink::TryNext() {
  MutexLock lock(&mutex_);
  if (addresses_.size() == 1) return;  // the channel reconnects by itself
  current_ = (current_ + 1) % addresses_.size();
  channel_ = rpc::MakeChannel(addresses_[current_], rpc::ChannelKind::kControl);
}

absl::Status MasterLink::ReportSealed(const SealedChunk& sealed,
                                      const std::function<bool(absl::Duration)>& wait) {
  pb::ReportSealedRequest request;
  request.set_chunk_id(sealed.chunk.value());
  request.set_server_id(sealed.server.value());
  request.set_length(sealed.length);
  request.set_crc(sealed.crc);
  pb::RequestHeader* header = request.mutable_header();
  header->set_client_id(client_id_);
  {
    MutexLock lock(&mutex_);
    header->set_request_id(++last_request_);
    outstanding_.insert(last_request_);
    header->set_lowest_outstanding(*outstanding_.begin());
  }
  absl::Status status;
  absl::Duration pause = absl::Milliseconds(50);
  do {
    pb::ReportSealedResponse response;
    const auto stub = pb::Cluster::NewStub(channel());
    status = rpc::Call(kCallTimeout, [&](grpc::ClientContext* context) {
      return stub->ReportSealed(context, request, &response);
    });
    pause = std::min(pause * 2, absl::Seconds(1));
  } while (WorthRepeating(status) && wait(pause));
  MutexLock lock(&mutex_);
  outstanding_.erase(header->request_id());
  return Annotate(status, fmt::format("report the seal of chunk {} to master {}", sealed.chunk,
                                      addresses_[current_]));
}

}  // namespace quern::chunkserver
