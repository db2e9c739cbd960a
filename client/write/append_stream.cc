#include "client/write/append_stream.h"

#include <utility>

#include "common/rpc/bulk_codec.h"
#include "common/rpc/owned_slice.h"

namespace quern::client {
namespace {

constexpr char kAppendMethod[] = "/quern.dfs.v1.ChunkData/Append";

}  // namespace

AppendStream::AppendStream(rpc::BulkLoop* loop, std::shared_ptr<grpc::Channel> channel,
                           ServerAddress primary)
    : loop_(loop),
      stream_(loop->Open(std::move(channel), kAppendMethod, absl::InfiniteDuration())),
      primary_(std::move(primary)),
      failed_server_(primary_.id) {}

AppendStream::~AppendStream() { loop_->Close(stream_); }

void AppendStream::Open(const OpenChunk& chunk, const Options& options) {
  producer_ = options.producer;
  pb::AppendHeader header;
  pb::AppendHeader::Open* open = header.mutable_open();
  open->set_chunk_id(chunk.id.value());
  for (const ServerAddress& server : chunk.chain) *open->add_chain() = ToProto(server);
  open->set_producer(options.producer);
  open->set_base_seq(options.base_seq);
  SendHeader(header);
}

void AppendStream::SendHeader(const pb::AppendHeader& header) {
  stream_->Send(rpc::EncodeBulk(header, {}));
}

void AppendStream::Send(const Piece& piece) {
  pb::AppendHeader header;
  header.mutable_data()->set_seq(piece.seq);
  header.mutable_data()->set_crc(piece.crc());
  header.mutable_data()->set_producer(producer_);
  const grpc::Slice slice =
      rpc::OwnedSlice(piece.buffer->data.get(), piece.buffer->size, piece.buffer);
  stream_->Send(rpc::EncodeBulk(header, {&slice, 1}));
}

void AppendStream::SendSync(uint64_t id) {
  pb::AppendHeader header;
  header.mutable_sync()->set_sync_id(id);
  SendHeader(header);
}

void AppendStream::SendSeal() {
  pb::AppendHeader header;
  header.mutable_seal();
  SendHeader(header);
}

absl::StatusOr<std::optional<pb::AppendResponse>> AppendStream::OnEvent(rpc::BulkEvent event) {
  if (event.stream != stream_) return std::nullopt;
  return ReadAppendAnswer(event, &failed_server_);
}

}  // namespace quern::client
