#include "chunkserver/service/chunk_copier.h"

#include "common/log.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "quern/dfs/v1/chunk.pb.h"

namespace quern::chunkserver {
namespace {

// Adds one piece to the copy, after comparing it with its checksum.
absl::Status TakePiece(const grpc::ByteBuffer& message, IncomingCopy* copy, uint64_t* bytes) {
  pb::ReadHeader header;
  rpc::Payload payload;
  RETURN_IF_ERROR(rpc::DecodeBulk(message, &header, &payload));
  if (header.producers_size() > 0) {
    std::vector<ProducerSeq> producers;
    for (const auto& known : header.producers()) {
      producers.push_back({known.producer(), known.last_seq()});
    }
    copy->set_producers(std::move(producers));
  }
  if (header.offset() != copy->length()) {
    return DataLossError("a piece at {} where {} is expected", header.offset(), copy->length());
  }
  std::vector<iovec> parts;
  for (const grpc::Slice& slice : payload.slices()) {
    parts.push_back({const_cast<uint8_t*>(slice.begin()), slice.size()});
  }
  const PayloadSums sums = SumPayload(copy->length(), parts);
  if (sums.crc != header.crc()) return DataLossError("a piece does not match its checksum");
  *bytes += payload.size();
  return copy->Append(parts, sums);
}

}  // namespace

std::optional<ReplicaReport> ChunkCopier::Here(const pb::Order::Copy& order) const {
  const auto here = services_.store->Find(ChunkId(order.chunk_id()));
  // What lies on a disk that has failed, or hangs, is not here for anybody.
  if (!here.ok() || !(*here)->disk().Usable().ok()) return std::nullopt;
  const ReplicaReport report = (*here)->facts().report;
  const bool same = report.state == ReplicaState::kFinalized && report.length == order.length() &&
                    report.crc == order.crc();
  if (!same) return std::nullopt;
  // The master would not have ordered it had it known.
  services_.store->inventory().Remind(report);
  return report;
}

absl::StatusOr<ReplicaReport> ChunkCopier::Copy(const pb::Order::Copy& order, size_t disk) {
  const ChunkId chunk(order.chunk_id());
  if (const std::optional<ReplicaReport> here = Here(order)) return *here;
  const SealedAs sealed{.length = order.length(), .crc = order.crc()};
  ASSIGN_OR_RETURN(std::unique_ptr<IncomingCopy> copy,
                   services_.store->BeginCopy(chunk, sealed, disk));
  absl::Status status = InvalidArgumentError("copy chunk {}: no sources", chunk);
  for (const pb::ServerAddress& source : order.sources()) {
    RETURN_IF_ERROR(copy->Restart());
    status = Fetch(source.address(), chunk, order.length(), copy.get());
    if (status.ok() && copy->crc() != order.crc()) {
      status =
          DataLossError("the whole has CRC32C {:08x}, sealed is {:08x}", copy->crc(), order.crc());
    }
    if (status.ok()) {
      return services_.store->FinishCopy(std::move(copy), order.length(), order.crc());
    }
    status =
        Annotate(status, fmt::format("copy chunk {} from {}", chunk, ServerId(source.server_id())));
    LogWarning("copy_failed", {{"chunk", chunk}, {"source", source.address()}, {"status", status}});
  }
  return status;
}

absl::Status ChunkCopier::Fetch(const std::string& source, ChunkId chunk, uint64_t length,
                                IncomingCopy* copy) {
  std::shared_ptr<grpc::Channel> channel = services_.channels->Acquire(source);
  rpc::BulkLoop loop;
  const Limits& limits = services_.limits;
  const absl::Duration for_bytes =
      absl::Seconds(length) / static_cast<double>(limits.copy_bytes_per_second);
  rpc::BulkStream* stream = loop.Open(channel, kReadMethod, limits.copy_timeout + for_bytes);
  pb::ReadRequest request;
  request.set_chunk_id(chunk.value());
  request.set_with_producers(true);
  stream->Send(rpc::EncodeMessage(request));
  stream->CloseSend();
  uint64_t bytes = 0;
  constexpr absl::Duration kLook = absl::Seconds(1);
  absl::Duration silent;
  while (!stopping_) {
    const rpc::BulkEvent event = loop.Next(kLook);
    if (event.kind == rpc::BulkEvent::Kind::kTimeout) {
      if ((silent += kLook) < limits.copy_silence) continue;
      return DeadlineExceededError("has said nothing for {}", absl::FormatDuration(silent));
    }
    silent = absl::ZeroDuration();
    if (event.kind == rpc::BulkEvent::Kind::kMessage) {
      RETURN_IF_ERROR(TakePiece(event.message, copy, &bytes));
      if (bytes > length) return DataLossError("is longer than {} bytes", length);
    } else if (event.kind == rpc::BulkEvent::Kind::kFinished) {
      services_.metrics->copied_bytes.Increment(static_cast<double>(bytes));
      RETURN_IF_ERROR(event.status);
      if (bytes != length) return DataLossError("gave {} bytes of {}", bytes, length);
      services_.channels->Release(source, std::move(channel));
      return absl::OkStatus();
    }
  }
  return UnavailableError("the chunkserver is stopping");
}

}  // namespace quern::chunkserver
