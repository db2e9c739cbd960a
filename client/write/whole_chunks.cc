#include "client/write/whole_chunks.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/crc32c.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/owned_slice.h"

namespace quern::client {
namespace {

// Every replica has to write before anything is answered.
constexpr int kDiskPatience = 2;

struct Sums {
  uint64_t bytes = 0;
  uint32_t crc = 0;
};

Sums Send(std::span<const WholeChunk> chunks, rpc::BulkStream* stream) {
  Sums sums;
  pb::AppendWholeHeader header;
  std::vector<grpc::Slice> slices;
  for (const ServerAddress& server : chunks.front().chunk.chain) {
    *header.add_chain() = ToProto(server);
  }
  for (const auto& [chunk, piece, producer] : chunks) {
    auto* whole = header.add_chunks();
    whole->set_chunk_id(chunk.id.value());
    whole->set_length(piece.size());
    whole->set_crc(piece.crc());
    whole->set_producer(producer);
    whole->set_seq(piece.seq);
    slices.push_back(rpc::OwnedSlice(piece.buffer->data.get(), piece.size(), piece.buffer));
    sums.bytes += piece.size();
    sums.crc = ConcatCrc32c(sums.crc, piece.crc(), piece.size());
  }
  stream->Send(rpc::EncodeBulk(header, slices));
  return sums;
}

// Every answer waits for the syncs of all replicas, which busy disks take their time for. One that
// takes even longer tells of the link: else nothing would where all files are small, and AreQuick
// would take no link for slow.
absl::Duration SlowSync(const ClientOptions& options) { return options.server_silence / 2; }

ChunkFailure AwaitSeal(ClientContext* context, const Sums& sums, RestingStreams::Stream* stream) {
  const AwaitedBytes::Share share(&context->awaited_writes, sums.bytes);
  StreamWait wait(&context->awaited_writes, context->options.server_silence * kDiskPatience);
  const absl::Time began = context->clock->MonotonicNow();
  absl::Time now = began;
  ServerId failed = stream->primary.id;
  while (true) {
    wait.Await(now);
    const absl::Duration silence = now - began;
    const absl::Duration patience = wait.Allowed(sums.bytes);
    if (silence >= patience) {
      return {DeadlineExceededError("no answer for {}", FormatDuration(silence)), ServerId()};
    }
    const absl::Duration rest = UntilNextLook(patience - silence, context->options.server_silence);
    const auto response = ReadAppendAnswer(stream->loop.Next(rest), &failed);
    if (!response.ok()) return {response.status(), failed};
    now = context->clock->MonotonicNow();
    if (!response->has_value()) continue;
    wait.Arrived(
        now, {.bytes = sums.bytes, .waited_for_disk = now - began < SlowSync(context->options)});
    const pb::AppendResponse::Sealed& sealed = (*response)->sealed();
    if (sealed.length() != sums.bytes || sealed.crc() != sums.crc) {
      return {DataLossError("closed {} bytes with CRC32C {:08x}, sent were {} with {:08x}",
                            sealed.length(), sealed.crc(), sums.bytes, sums.crc),
              failed};
    }
    stream->rests = (*response)->rests();
    return {};
  }
}

// Whether they arrive within about a second, beside all else that is under way: a chunkserver ends
// a stream that rests while a message comes over a slow link.
bool AreQuick(const ClientContext& context, std::span<const WholeChunk> chunks) {
  uint64_t bytes = context.awaited_writes.total();
  for (const WholeChunk& whole : chunks) bytes += whole.piece.size();
  return static_cast<double>(bytes) < context.awaited_writes.bytes_per_second();
}

}  // namespace

ChunkFailure SendWhole(ClientContext* context, std::span<const WholeChunk> chunks) {
  const ServerAddress& primary = chunks.front().chunk.chain.front();
  std::unique_ptr<RestingStreams::Stream> stream;
  if (AreQuick(*context, chunks)) stream = context->resting_streams.Take(primary);
  if (stream == nullptr) {
    stream = std::make_unique<RestingStreams::Stream>(
        primary, context->channels.Get(primary.address, rpc::ChannelKind::kBulk));
  }
  stream->rests = false;
  const Sums sums = Send(chunks, stream->bulk);
  ChunkFailure failure = AwaitSeal(context, sums, stream.get());
  if (stream->rests) context->resting_streams.GiveBack(std::move(stream));
  return failure;
}

}  // namespace quern::client
