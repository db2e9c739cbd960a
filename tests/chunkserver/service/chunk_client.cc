#include "tests/chunkserver/service/chunk_client.h"

#include <algorithm>

#include "common/crc32c.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"

namespace quern::chunkserver {
namespace {

using pb::AppendHeader;
using Kind = rpc::BulkEvent::Kind;

constexpr absl::Duration kPatience = absl::Seconds(30);

}  // namespace

AppendClient::AppendClient(ChunkId chunk, const std::vector<pb::ServerAddress>& chain,
                           const Options& options) {
  stream_ = loop_.Open(rpc::MakeChannel(chain[options.position].address(), rpc::ChannelKind::kBulk),
                       "/quern.dfs.v1.ChunkData/Append", absl::InfiniteDuration());
  AppendHeader header;
  AppendHeader::Open* open = header.mutable_open();
  open->set_chunk_id(chunk.value());
  open->mutable_chain()->Add(chain.begin(), chain.end());
  open->set_position(options.position);
  open->set_forwarded(options.forwarded);
  open->set_producer(options.producer);
  open->set_base_seq(options.base_seq);
  SendHeader(header);
}

void AppendClient::SendHeader(const AppendHeader& header, const std::string& payload) {
  const grpc::Slice slice(payload);
  stream_->Send(rpc::EncodeBulk(header, {&slice, payload.empty() ? size_t{0} : size_t{1}}));
}

void AppendClient::Send(uint64_t seq, const std::string& payload) {
  SendWithCrc(seq, payload, Crc32c(payload));
}

void AppendClient::SendWithCrc(uint64_t seq, const std::string& payload, uint32_t crc) {
  AppendHeader header;
  header.mutable_data()->set_seq(seq);
  header.mutable_data()->set_crc(crc);
  SendHeader(header, payload);
}

void AppendClient::Sync(uint64_t id) {
  AppendHeader header;
  header.mutable_sync()->set_sync_id(id);
  SendHeader(header);
}

void AppendClient::Seal() {
  AppendHeader header;
  header.mutable_seal();
  SendHeader(header);
}

void AppendClient::Take(const rpc::BulkEvent& event) {
  if (event.kind == Kind::kFinished) ended = event.status;
  if (event.kind != Kind::kMessage) return;
  pb::AppendResponse response;
  if (!rpc::DecodeMessage(event.message, &response).ok()) return;
  committed = std::max(committed, response.committed());
  last_seq = std::max(last_seq, response.last_seq());
  if (response.has_opened_at()) opened_at = response.opened_at();
  if (response.has_synced_id()) synced_id = response.synced_id();
  if (response.has_sealed()) sealed = response.sealed();
  if (!response.error().empty()) {
    error = response.error();
    failed_server = response.failed_server();
  }
}

bool AppendClient::Await(const std::function<bool()>& done) {
  while (!done()) {
    if (ended) return false;
    const rpc::BulkEvent event = loop_.Next(kPatience);
    if (event.kind == Kind::kTimeout) return false;
    Take(event);
  }
  return true;
}

bool AppendClient::AwaitCommitted(uint64_t offset) {
  return Await([&] { return committed >= offset; });
}

absl::Status AppendClient::AwaitEnd() {
  Await([&] { return ended.has_value(); });
  return ended.value_or(DeadlineExceededError("the stream does not end"));
}

WholeClient::WholeClient(const std::vector<pb::ServerAddress>& chain)
    : stream_(loop_.Open(rpc::MakeChannel(chain[0].address(), rpc::ChannelKind::kBulk),
                         "/quern.dfs.v1.ChunkData/AppendWhole", absl::InfiniteDuration())) {}

absl::StatusOr<pb::AppendResponse> WholeClient::Send(const std::vector<pb::ServerAddress>& chain,
                                                     const std::vector<Chunk>& chunks) {
  pb::AppendWholeHeader header;
  header.mutable_chain()->Add(chain.begin(), chain.end());
  std::vector<grpc::Slice> slices;
  for (const Chunk& chunk : chunks) {
    auto* whole = header.add_chunks();
    whole->set_chunk_id(chunk.id.value());
    whole->set_length(chunk.length.value_or(chunk.bytes.size()));
    whole->set_crc(chunk.crc != 0 ? chunk.crc : Crc32c(chunk.bytes));
    whole->set_producer(chunk.producer);
    whole->set_seq(chunk.seq);
    slices.emplace_back(chunk.bytes);
  }
  stream_->Send(rpc::EncodeBulk(header, slices));
  while (true) {
    const rpc::BulkEvent event = loop_.Next(kPatience);
    if (event.kind == Kind::kTimeout) return DeadlineExceededError("no answer");
    if (event.kind == Kind::kFinished) {
      return event.status.ok() ? UnavailableError("the stream has ended") : event.status;
    }
    if (event.kind != Kind::kMessage) continue;
    pb::AppendResponse response;
    RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &response));
    if (response.error().empty()) return response;
    failed_server = response.failed_server();
  }
}

absl::Status WholeClient::AwaitEnd() {
  while (true) {
    const rpc::BulkEvent event = loop_.Next(kPatience);
    if (event.kind == Kind::kTimeout) return DeadlineExceededError("the stream does not end");
    if (event.kind == Kind::kFinished) return event.status;
  }
}

absl::StatusOr<ReadAnswer> ReadChunk(const std::string& address, ChunkId chunk, uint64_t offset,
                                     uint64_t length,
                                     const std::optional<pb::ReadRequest::Sealed>& sealed) {
  pb::ReadRequest request;
  request.set_chunk_id(chunk.value());
  request.set_offset(offset);
  request.set_length(length);
  if (sealed.has_value()) *request.mutable_sealed() = *sealed;
  return ReadChunk(address, request);
}

absl::StatusOr<ReadAnswer> ReadChunk(const std::string& address, const pb::ReadRequest& request) {
  rpc::BulkLoop loop;
  rpc::BulkStream* stream = loop.Open(rpc::MakeChannel(address, rpc::ChannelKind::kBulk),
                                      "/quern.dfs.v1.ChunkData/Read", kPatience);
  stream->Send(rpc::EncodeMessage(request));
  stream->CloseSend();
  ReadAnswer answer;
  while (true) {
    const rpc::BulkEvent event = loop.Next(kPatience);
    if (event.kind == Kind::kTimeout) return DeadlineExceededError("read: nothing comes");
    if (event.kind == Kind::kFinished) {
      if (!event.status.ok()) return event.status;
      return answer;
    }
    if (event.kind != Kind::kMessage) continue;
    pb::ReadHeader header;
    rpc::Payload payload;
    RETURN_IF_ERROR(rpc::DecodeBulk(event.message, &header, &payload));
    if (payload.size() > (1 << 20) || payload.Crc() != header.crc() ||
        header.offset() != request.offset() + answer.bytes.size()) {
      return InternalError("read: a bad piece at {}", header.offset());
    }
    answer.bytes += payload.ToString();
  }
}

}  // namespace quern::chunkserver
