#include "chunkserver/service/downstream_link.h"

#include <algorithm>

#include "common/rpc/bulk_codec.h"

namespace quern::chunkserver {
namespace {

using pb::AppendResponse;

ExpectedAnswers::Kind KindOf(const AppendResponse& answer) {
  if (answer.has_opened_at()) return ExpectedAnswers::Kind::kOpen;
  if (answer.has_synced_id()) return ExpectedAnswers::Kind::kSync;
  if (answer.has_sealed()) return ExpectedAnswers::Kind::kSeal;
  return ExpectedAnswers::Kind::kData;
}

void AddAck(const ExpectedAnswers::Ack& ack, AppendResponse* response) {
  AppendResponse::ReplicaAck* out = response->add_replicas();
  out->set_server_id(ack.server.value());
  out->set_end(ack.end);
  out->set_crc(ack.crc);
  out->set_synced(ack.synced);
}

}  // namespace

void AddAcks(const ExpectedAnswers::Ack& own, std::span<const ExpectedAnswers::Ack> below,
             AppendResponse* response) {
  AddAck(own, response);
  for (const ExpectedAnswers::Ack& ack : below) AddAck(ack, response);
}

DownstreamLink::DownstreamLink(const Services& services, rpc::BulkLoop* loop,
                               std::span<const ChainMember> below, Use use)
    : services_(services),
      loop_(loop),
      next_(below.front()),
      below_(below.size()),
      shared_(use == Use::kWholeChunks),
      channel_(shared_ ? services.channels->Share(next_.address)
                       : services.channels->Acquire(next_.address)),
      stream_(loop->Open(channel_, shared_ ? kAppendWholeMethod : kAppendMethod,
                         absl::InfiniteDuration())),
      expected_({.replicas = below.size(),
                 .ack_timeout = services.limits.ack_timeout,
                 .sync_timeout = services.limits.sync_timeout,
                 .stagger = services.limits.ack_stagger}) {}

DownstreamLink::~DownstreamLink() {
  if (stream_ != nullptr) loop_->Close(stream_);
}

void DownstreamLink::Send(const google::protobuf::MessageLite& header,
                          std::span<const grpc::Slice> payload) {
  if (stream_ != nullptr) stream_->Send(rpc::EncodeBulk(header, payload));
}

void DownstreamLink::Expect(const Expected& expected) {
  expected_.Add(expected, services_.clock->MonotonicNow());
}

DownstreamLink::Expected DownstreamLink::TakeOldest() {
  return expected_.Take(services_.clock->MonotonicNow());
}

absl::StatusOr<std::vector<DownstreamLink::Ack>> DownstreamLink::Read(
    const grpc::ByteBuffer& buffer, ServerId* failed) {
  *failed = server();
  AppendResponse answer;
  RETURN_IF_ERROR(rpc::DecodeMessage(buffer, &answer));
  if (!answer.error().empty()) {
    if (answer.failed_server() != 0) *failed = ServerId(answer.failed_server());
    return UnavailableError("{}", answer.error());
  }
  std::vector<Ack> acks;
  for (const AppendResponse::ReplicaAck& ack : answer.replicas()) {
    acks.push_back({ServerId(ack.server_id()), ack.end(), ack.crc(), ack.synced()});
  }
  RETURN_IF_ERROR(expected_.Check(KindOf(answer), acks));
  other_rests_ = answer.rests();
  return acks;
}

absl::Duration DownstreamLink::patience() const {
  const absl::Time deadline = expected_.deadline();
  if (deadline == absl::InfiniteFuture()) return absl::InfiniteDuration();
  return std::max(deadline - services_.clock->MonotonicNow(), absl::ZeroDuration());
}

bool DownstreamLink::MayServe(std::span<const ChainMember> below) const {
  if (stream_ == nullptr || stream_->failed() || !expected_.empty()) return false;
  if (below.size() != below_ || below.front() != next_) return false;
  return services_.clock->MonotonicNow() - rests_since_ < services_.limits.append_rest / 4;
}

void DownstreamLink::Finish() {
  if (stream_ == nullptr) return;
  stream_->CloseSend();
  stream_ = nullptr;
  if (!shared_) services_.channels->Release(next_.address, std::move(channel_));
}

}  // namespace quern::chunkserver
