#include "client/read/chunk_stream.h"

#include "quern/dfs/v1/chunk.pb.h"

namespace quern::client {
namespace {

namespace pb = ::quern::dfs::v1;

constexpr char kReadMethod[] = "/quern.dfs.v1.ChunkData/Read";

// What a server says to a reader who takes nothing: DeadlineExceeded behind what it has sent, and
// when that is not taken either, it cancels the stream. The reader itself sets no deadline, and
// hears no more of a stream that it has cancelled. A server that stops cancels its streams as well,
// so this alone does not say that it is well.
bool MayBeOfSlowReader(const absl::Status& status) {
  return absl::IsDeadlineExceeded(status) || absl::IsCancelled(status);
}

}  // namespace

ChunkStream::ChunkStream(rpc::BulkLoop* loop, std::shared_ptr<grpc::Channel> channel,
                         const ChunkInfo& chunk, const ServerAddress& server, ChunkRange range)
    : ChunkSource(server),
      loop_(loop),
      stream_(loop->Open(std::move(channel), kReadMethod, absl::InfiniteDuration())),
      begin_(range.offset),
      expected_(range.offset),
      end_(range.offset + range.length) {
  pb::ReadRequest request;
  request.set_chunk_id(chunk.id.value());
  request.set_offset(range.offset);
  request.set_length(range.length);
  request.set_read_ahead(range.read_ahead);
  if (chunk.sealed) {
    request.mutable_sealed()->set_length(chunk.length);
    request.mutable_sealed()->set_crc(chunk.crc);
  }
  stream_->Send(rpc::EncodeMessage(request));
  stream_->CloseSend();
}

ChunkStream::~ChunkStream() { loop_->Close(stream_); }

absl::Status ChunkStream::OnEvent(const rpc::BulkEvent& event) {
  if (event.stream != stream_) return absl::OkStatus();
  if (event.kind == rpc::BulkEvent::Kind::kMessage) return OnMessage(event.message);
  if (event.kind != rpc::BulkEvent::Kind::kFinished || expected_ == end_) return absl::OkStatus();
  // One that is not well gives nothing when it is asked for the next bytes again.
  was_dropped_ = MayBeOfSlowReader(event.status) && expected_ > begin_;
  if (!event.status.ok()) return event.status;
  // Without an error: its replica ends there.
  return OutOfRangeError("it sent {} bytes too few", end_ - expected_);
}

absl::Status ChunkStream::OnMessage(const grpc::ByteBuffer& message) {
  pb::ReadHeader header;
  CheckedBytes bytes;
  RETURN_IF_ERROR(rpc::DecodeBulk(message, &header, &bytes.payload));
  if (bytes.payload.size() == 0) return absl::OkStatus();
  if (header.offset() != expected_ || bytes.payload.size() > end_ - expected_) {
    return InternalError("it sent {} bytes at {}, asked for were {} at {}", bytes.payload.size(),
                         header.offset(), end_ - expected_, expected_);
  }
  bytes.crc = bytes.payload.Crc();
  if (bytes.crc != header.crc()) {
    return DataLossError("checksum of {} bytes at {} is {:08x}, expected {:08x}",
                         bytes.payload.size(), expected_, bytes.crc, header.crc());
  }
  expected_ += bytes.payload.size();
  arrived_.push_back(std::move(bytes));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<CheckedBytes>> ChunkStream::Take() {
  if (arrived_.empty()) return std::nullopt;
  CheckedBytes bytes = std::move(arrived_.front());
  arrived_.pop_front();
  return bytes;
}

}  // namespace quern::client
