#include "mapreduce/worker/shuffle_service.h"

#include <algorithm>
#include <utility>

#include "common/rpc/bulk_codec.h"
#include "common/storage/file_io.h"
#include "mapreduce/worker/log_sender.h"
#include "quern/mr/v1/shuffle.pb.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

constexpr size_t kPieceBytes = size_t{1} << 20;
// Pieces under way per stream: enough to keep the network busy, little enough for many reducers.
constexpr size_t kMaxUnsentBytes = size_t{4} << 20;
constexpr absl::Duration kPatience = absl::Minutes(5);

template <typename Request>
absl::StatusOr<Request> ReadRequest(rpc::BulkLoop* loop) {
  const rpc::BulkEvent event = loop->Next(absl::Seconds(10));
  if (event.kind != Kind::kMessage) return CancelledError("no request came");
  Request request;
  RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &request));
  return request;
}

// Waits until the reader has caught up.
absl::Status WaitForRoom(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  while (stream->unsent_bytes() >= kMaxUnsentBytes) {
    const rpc::BulkEvent event = loop->Next(kPatience);
    if (event.kind == Kind::kStopping) return UnavailableError("the worker is stopping");
    if (event.kind == Kind::kTimeout) return DeadlineExceededError("the reader takes nothing");
  }
  if (stream->failed()) return CancelledError("the reader is gone");
  return absl::OkStatus();
}

absl::StatusOr<grpc::Slice> ReadPiece(File* file, uint64_t offset, size_t bytes) {
  grpc::Slice slice(bytes);
  char* memory = const_cast<char*>(reinterpret_cast<const char*>(slice.begin()));
  ASSIGN_OR_RETURN(const size_t got, file->Pread(offset, bytes, memory));
  if (got != bytes) return DataLossError("{}: ends early", file->path());
  return slice;
}

// Sends one partition of one output. An error is of the stream, not of the output.
absl::Status SendPartition(const MapOutputFile& output, uint32_t partition, pb::FetchHeader header,
                           rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  const MapOutputFile::Partition& range = output.partition(partition);
  header.set_partition_bytes(range.bytes);
  uint64_t offset = std::min(header.offset(), range.bytes);
  do {
    const size_t bytes = std::min<uint64_t>(kPieceBytes, range.bytes - offset);
    header.set_offset(offset);
    grpc::Slice piece;
    if (bytes > 0) {
      absl::StatusOr<grpc::Slice> read =
          ReadPiece(output.file().get(), range.offset + offset, bytes);
      if (!read.ok()) {
        header.set_error(std::string(Message(read.status())));
        stream->Send(rpc::EncodeBulk(header, {}));
        return absl::OkStatus();
      }
      piece = *std::move(read);
    }
    stream->Send(rpc::EncodeBulk(header, bytes > 0 ? std::span<const grpc::Slice>(&piece, 1)
                                                   : std::span<const grpc::Slice>()));
    offset += bytes;
    RETURN_IF_ERROR(WaitForRoom(loop, stream));
  } while (offset < range.bytes);
  return absl::OkStatus();
}

}  // namespace

std::vector<rpc::BulkMethod> ShuffleService::Methods() {
  return {
      {"/quern.mr.v1.Shuffle/Fetch",
       [this](rpc::BulkLoop* loop, rpc::BulkStream* stream) { Fetch(loop, stream); }},
      {"/quern.mr.v1.Shuffle/ReadLog",
       [this](rpc::BulkLoop* loop, rpc::BulkStream* stream) { ReadLog(loop, stream); }},
  };
}

absl::StatusOr<std::shared_ptr<MapOutputFile>> ShuffleService::Find(const pb::AttemptId& id,
                                                                    uint32_t partition) {
  ASSIGN_OR_RETURN(std::shared_ptr<MapOutputFile> output, scratch_->OpenMapOutput(id));
  if (partition >= output->partitions()) {
    return InvalidArgumentError("{}: there is no partition {}", output->file()->path(), partition);
  }
  return output;
}

void ShuffleService::Fetch(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  const auto request = ReadRequest<pb::FetchRequest>(loop);
  if (!request.ok()) return stream->Finish(request.status());
  for (const pb::FetchRequest::Output& wanted : request->outputs()) {
    pb::AttemptId id;
    id.set_job_id(request->job_id());
    id.set_kind(pb::TASK_KIND_MAP);
    id.set_task(wanted.map_task());
    id.set_attempt(wanted.attempt());
    pb::FetchHeader header;
    header.set_map_task(wanted.map_task());
    header.set_attempt(wanted.attempt());
    header.set_offset(wanted.offset());
    const auto output = Find(id, request->partition());
    absl::Status status;
    if (output.ok()) {
      status = SendPartition(**output, request->partition(), header, loop, stream);
    } else {
      header.set_error(std::string(Message(output.status())));
      stream->Send(rpc::EncodeBulk(header, {}));
    }
    if (!status.ok()) return stream->Finish(status);
  }
  stream->Finish(absl::OkStatus());
}

void ShuffleService::ReadLog(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  const auto request = ReadRequest<pb::ReadLogRequest>(loop);
  if (!request.ok()) return stream->Finish(request.status());
  stream->Finish(LogSender(*request, scratch_, logs_, loop, stream).Run());
}

}  // namespace quern::mr
