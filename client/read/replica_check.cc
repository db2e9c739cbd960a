#include "client/read/replica_check.h"

#include <algorithm>

#include "client/read/chunk_stream.h"
#include "common/crc32c.h"
#include "common/rpc/bulk.h"

namespace quern::client {
namespace {

// That of the slowest link: who checks a replica would rather wait than call it bad.
absl::Duration SlowestPatience(const ClientContext& context) {
  return AllowedSilence(context.options.server_silence, context.awaited_reads.total(),
                        AwaitedBytes::kLowest);
}

absl::Status ReadWhole(ClientContext* context, const ChunkInfo& chunk,
                       const ServerAddress& server) {
  rpc::BulkLoop loop;
  ChunkStream stream(&loop, context->channels.Get(server.address, rpc::ChannelKind::kBulk), chunk,
                     server, ChunkRange{.offset = 0, .length = chunk.length});
  uint64_t length = 0;
  uint32_t crc = 0;
  absl::Time heard = context->clock->MonotonicNow();
  while (length < chunk.length) {
    ASSIGN_OR_RETURN(const std::optional<CheckedBytes> bytes, stream.Take());
    if (bytes.has_value()) {
      length += bytes->payload.size();
      crc = ConcatCrc32c(crc, bytes->crc, bytes->payload.size());
      heard = context->clock->MonotonicNow();
      continue;
    }
    const AwaitedBytes::Share share(&context->awaited_reads,
                                    std::min<uint64_t>(chunk.length - length, kPieceBytes));
    const absl::Duration rest = heard + SlowestPatience(*context) - context->clock->MonotonicNow();
    const rpc::BulkEvent event = loop.Next(UntilNextLook(rest, context->options.server_silence));
    RETURN_IF_ERROR(stream.OnEvent(event));
    const absl::Duration silence = context->clock->MonotonicNow() - heard;
    if (event.kind == rpc::BulkEvent::Kind::kTimeout && silence >= SlowestPatience(*context)) {
      return DeadlineExceededError("it sent nothing for {}", FormatDuration(silence));
    }
  }
  if (crc == chunk.crc) return absl::OkStatus();
  return DataLossError("reads with crc {:08x}, was sealed with {:08x}", crc, chunk.crc);
}

}  // namespace

absl::Status CheckReplica(ClientContext* context, const ChunkInfo& chunk,
                          const ServerAddress& server) {
  const absl::Status status = ReadWhole(context, chunk, server);
  if (absl::IsDataLoss(status)) context->ReportBadReplica(chunk.id, server.id, Message(status));
  return Annotate(status, fmt::format("{} at {}", server.id, server.address));
}

}  // namespace quern::client
