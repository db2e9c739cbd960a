#include "chunkserver/service/read_stream.h"

#include <algorithm>

#include "common/log.h"
#include "common/rpc/bulk_codec.h"

namespace quern::chunkserver {

using Kind = rpc::BulkEvent::Kind;

namespace {

// More would push out what others have had read ahead.
constexpr uint64_t kMaxReadAhead = uint64_t{16} << 20;

std::optional<SealedAs> SealOf(const pb::ReadRequest& request) {
  if (!request.has_sealed()) return std::nullopt;
  return SealedAs{.length = request.sealed().length(), .crc = request.sealed().crc()};
}

}  // namespace

ReadStream::ReadStream(const Services& services, rpc::BulkLoop* loop, rpc::BulkStream* stream)
    : services_(services), loop_(loop), stream_(stream) {
  services_.metrics->read_streams.Increment();
}

ReadStream::~ReadStream() { services_.metrics->read_streams.Decrement(); }

void ReadStream::Run() {
  const absl::Status status = Serve();
  if (status.code() == absl::StatusCode::kDataLoss) services_.metrics->corrupt_reads.Increment();
  stream_->Finish(status);
}

absl::Status ReadStream::Serve() {
  ASSIGN_OR_RETURN(
      memory_, services_.memory->Open(
                   kReadFloorBytes, std::max(kReadFloorBytes, services_.limits.max_unsent_bytes)));
  ASSIGN_OR_RETURN(const pb::ReadRequest request, AwaitRequest());
  services_.metrics->reads.Increment();
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica,
                   services_.store->FindToRead(ChunkId(request.chunk_id()), SealOf(request)));
  ASSIGN_OR_RETURN(const std::unique_ptr<ReplicaReader> reader,
                   ReplicaReader::Open(replica, SealOf(request)));
  ASSIGN_OR_RETURN(const ReplicaReader::Extent extent, reader->extent());
  uint64_t offset = request.offset();
  if (offset > extent.readable) {
    return OutOfRangeError("chunk {}: read at {}, but {} bytes may be read",
                           ChunkId(request.chunk_id()), offset, extent.readable);
  }
  uint64_t left = extent.readable - offset;
  if (request.length() != 0) left = std::min(left, request.length());
  pb::ReadHeader header;
  if (request.with_producers() && extent.sealed) {
    ASSIGN_OR_RETURN(const std::vector<ProducerSeq> producers, replica->Producers());
    for (const ProducerSeq& known : producers) {
      auto* producer = header.add_producers();
      producer->set_producer(known.producer);
      producer->set_last_seq(known.last_seq);
    }
  }
  if (request.read_ahead() > 0 && left > 0) {
    const uint64_t behind = extent.readable - offset - left;
    reader->ReadAhead(offset, left + std::min({behind, request.read_ahead(), kMaxReadAhead}));
  }
  do {  // at least one message: it says how long the chunk is
    RETURN_IF_ERROR(AwaitRoom());
    ASSIGN_OR_RETURN(const uint64_t sent, SendPiece(reader.get(), offset, left, header));
    header.clear_producers();
    offset += sent;
    left -= sent;
  } while (left > 0);
  return absl::OkStatus();
}

absl::StatusOr<pb::ReadRequest> ReadStream::AwaitRequest() {
  while (true) {
    const rpc::BulkEvent event = loop_->Next(services_.limits.read_stall);
    if (event.kind == Kind::kMessage) {
      pb::ReadRequest request;
      RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &request));
      return request;
    }
    if (event.kind == Kind::kStopping) return UnavailableError("the chunkserver is stopping");
    if (event.kind != Kind::kWoken) return InvalidArgumentError("read: no request came");
  }
}

absl::StatusOr<uint64_t> ReadStream::SendPiece(ReplicaReader* reader, uint64_t offset,
                                               uint64_t max_bytes, pb::ReadHeader header) {
  header.set_offset(offset);
  if (max_bytes == 0) {
    stream_->Send(rpc::EncodeBulk(header, {}));
    return 0;
  }
  BufferPool::Buffer buffer = services_.buffers->Get();
  char* memory = buffer.data();
  ASSIGN_OR_RETURN(const ReplicaReader::Piece piece, reader->Read(offset, max_bytes, memory));
  if (piece.bytes.empty()) return DataLossError("chunk became shorter while it was read");
  header.set_crc(piece.crc);
  const grpc::Slice slice =
      services_.buffers->Lend(std::move(buffer), piece.bytes.data(), piece.bytes.size());
  stream_->Send(rpc::EncodeBulk(header, {&slice, 1}));
  memory_->Hold(stream_->unsent_bytes());
  services_.metrics->read_bytes.Increment(static_cast<double>(piece.bytes.size()));
  return piece.bytes.size();
}

absl::Status ReadStream::AwaitRoom() {
  bool full = !HasRoom();
  while (true) {
    // Even when there is room, what has happened is taken note of: that is what frees the room.
    const rpc::BulkEvent event =
        loop_->Next(full ? services_.limits.read_stall : absl::ZeroDuration());
    if (stream_->failed()) return CancelledError("the reader is gone");
    if (event.kind == Kind::kStopping) return UnavailableError("the chunkserver is stopping");
    if (event.kind == Kind::kTimeout) {
      if (!full) return absl::OkStatus();
      return DeadlineExceededError("the reader takes nothing for {}",
                                   absl::FormatDuration(services_.limits.read_stall));
    }
    full = !HasRoom();
  }
}

bool ReadStream::HasRoom() {
  memory_->Hold(stream_->unsent_bytes());
  return memory_->MayTake(kReadPieceBytes);
}

}  // namespace quern::chunkserver
