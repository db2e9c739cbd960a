#include "client/write/writer_impl.h"

#include <algorithm>
#include <cstring>

#include "common/crc32c.h"

namespace quern::client {

WriterImpl::WriterImpl(ClientContext* context, WriterIdentity identity, uint64_t chunk_size,
                       absl::Time mtime)
    : context_(context),
      identity_(identity),
      chunk_size_(chunk_size),
      mtime_(mtime),
      sender_(context, std::move(identity), chunk_size) {
  context_->renewals.Add(identity_);
}

WriterImpl::~WriterImpl() {
  if (!over_) Abandon().IgnoreError();
}

absl::StatusOr<std::span<char>> WriterImpl::Room() {
  RETURN_IF_ERROR(CheckOpen());
  if (filling_ == nullptr) filling_ = context_->pieces->Take();
  // Pieces end where chunks end, as long as no failure shifts the chunks.
  const uint64_t to_chunk_end = chunk_size_ - (length_ - filling_->size) % chunk_size_;
  const size_t limit = std::min<uint64_t>(kPieceBytes, to_chunk_end);
  return std::span<char>(filling_->data.get() + filling_->size, limit - filling_->size);
}

absl::Status WriterImpl::Commit(size_t bytes) {
  ASSIGN_OR_RETURN(const std::span<char> room, Room());
  if (bytes > room.size()) {
    return InvalidArgumentError("{}: committed {} bytes, room was {}", identity_.path, bytes,
                                room.size());
  }
  length_ += bytes;
  filling_->size += bytes;
  return bytes == room.size() ? SendPiece() : absl::OkStatus();
}

absl::Status WriterImpl::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    ASSIGN_OR_RETURN(const std::span<char> room, Room());
    const size_t take = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), take);
    RETURN_IF_ERROR(Commit(take));
    bytes.remove_prefix(take);
  }
  return CheckOpen();
}

absl::Status WriterImpl::SendPiece() {
  if (filling_ == nullptr || filling_->size == 0) return absl::OkStatus();
  StartSender();
  return sender_.queue()->Add(TakeFilled());
}

SharedPiece WriterImpl::TakeFilled() {
  filling_->crc = Crc32c(filling_->bytes());
  handed_over_crc_ = ConcatCrc32c(handed_over_crc_, filling_->crc, filling_->size);
  return std::exchange(filling_, nullptr);
}

void WriterImpl::StartSender() {
  if (thread_.running()) return;
  sender_.PrepareRun();
  thread_ = Thread("dfs-writer", [this] { sender_.Run(); });
}

absl::Status WriterImpl::Flush() {
  RETURN_IF_ERROR(CheckOpen());
  RETURN_IF_ERROR(SendPiece());
  return sender_.queue()->Flush();
}

absl::Status WriterImpl::Sync() {
  RETURN_IF_ERROR(CheckOpen());
  RETURN_IF_ERROR(SendPiece());
  RETURN_IF_ERROR(sender_.queue()->Sync());
  const uint64_t forced = sender_.queue()->forced_seals();
  if (forced == copied_seals_) return absl::OkStatus();
  // One survivor is enough to seal a chunk, but not to promise that its bytes stay.
  pb::AwaitCopiesRequest request;
  request.set_inode_id(identity_.inode.value());
  request.set_writer_token(identity_.token);
  RETURN_IF_ERROR(OfFile(context_->master.AwaitCopies(request).status(), identity_.path));
  copied_seals_ = forced;
  return absl::OkStatus();
}

absl::StatusOr<FileStatus> WriterImpl::Close() {
  RETURN_IF_ERROR(CheckOpen());
  absl::StatusOr<FileStatus> status = SealAndComplete();
  if (!status.ok()) Abandon().IgnoreError();
  return status;
}

absl::StatusOr<FileStatus> WriterImpl::SealAndComplete() {
  std::optional<pb::CompleteRequest> request;
  if (!thread_.running()) {
    // All of the file is at hand: no more room than it needs is reserved, and one that fits into a
    // piece needs no thread.
    ExpectTotal(length_);
    if (length_ > 0) {
      ASSIGN_OR_RETURN(request, WriteWhole());
    } else if (sender_.has_first_chunk()) {
      StartSender();
    }
  }
  if (request.has_value()) return Completed(context_->master.Complete(*std::move(request)));
  RETURN_IF_ERROR(SendPiece());
  if (thread_.running()) {
    RETURN_IF_ERROR(sender_.queue()->Close());
    thread_.Join();
  }
  RETURN_IF_ERROR(CheckAllSealed());
  return Completed(context_->master.Complete(CompleteRequest(std::nullopt)));
}

absl::Status WriterImpl::CheckAllSealed() {
  const uint64_t sealed = sender_.queue()->sealed_bytes();
  if (sealed == length_) return absl::OkStatus();
  return InternalError("{}: {} bytes were sealed, {} were written", identity_.path, sealed,
                       length_);
}

absl::StatusOr<std::optional<pb::CompleteRequest>> WriterImpl::WriteWhole() {
  ASSIGN_OR_RETURN(const std::optional<WholeChunk> whole, BeginWhole());
  if (!whole.has_value()) return std::nullopt;
  return EndWhole(*whole, SendWhole(context_, {&*whole, 1}));
}

absl::StatusOr<std::optional<WholeChunk>> WriterImpl::BeginWhole() {
  if (thread_.running()) return std::nullopt;  // it is longer than a chunk
  RETURN_IF_ERROR(sender_.queue()->Add(TakeFilled()));
  auto whole = sender_.BeginWhole();
  if (!whole.ok()) return OfFile(whole.status(), identity_.path);
  if (!whole->has_value()) StartSender();
  return whole;
}

absl::StatusOr<std::optional<pb::CompleteRequest>> WriterImpl::EndWhole(
    const WholeChunk& whole, const ChunkFailure& failure) {
  const auto closed = sender_.EndWhole(whole, failure);
  if (!closed.ok()) return OfFile(closed.status(), identity_.path);
  if (!closed->has_value()) {
    StartSender();
    return std::nullopt;
  }
  RETURN_IF_ERROR(CheckAllSealed());
  return CompleteRequest(*closed);
}

pb::CompleteRequest WriterImpl::CompleteRequest(
    const std::optional<FileSender::ClosedChunk>& closed) const {
  pb::CompleteRequest request;
  request.set_inode_id(identity_.inode.value());
  request.set_writer_token(identity_.token);
  request.set_length(length_);
  if (mtime_ != absl::InfinitePast()) request.set_mtime_ms(absl::ToUnixMillis(mtime_));
  if (closed.has_value()) {
    request.mutable_seal()->set_chunk_id(closed->id.value());
    request.mutable_seal()->set_server_id(closed->primary.value());
    request.mutable_seal()->set_length(closed->length);
    request.mutable_seal()->set_crc(closed->crc);
  }
  return request;
}

absl::StatusOr<FileStatus> WriterImpl::Completed(
    const absl::StatusOr<pb::CompleteResponse>& response) {
  if (!response.ok()) return OfFile(response.status(), identity_.path);
  MarkOver();
  FileStatus status = FromProto(response->status());
  status.path = identity_.path;
  return status;
}

std::optional<pb::AbandonRequest> WriterImpl::BeginAbandon() {
  if (over_) return std::nullopt;
  MarkOver();
  sender_.queue()->Cancel();
  thread_.Join();
  pb::AbandonRequest request;
  request.set_inode_id(identity_.inode.value());
  request.set_writer_token(identity_.token);
  return request;
}

void WriterImpl::MarkOver() {
  over_ = true;
  context_->renewals.Remove(identity_.inode);
}

absl::Status WriterImpl::Abandon() {
  std::optional<pb::AbandonRequest> request = BeginAbandon();
  if (!request.has_value()) return absl::OkStatus();
  return context_->master.Abandon(*std::move(request)).status();
}

uint32_t WriterImpl::crc() const {
  if (filling_ == nullptr) return handed_over_crc_;
  return ExtendCrc32c(handed_over_crc_, filling_->data.get(), filling_->size);
}

absl::Status WriterImpl::CheckOpen() const {
  if (!over_) return absl::OkStatus();
  return FailedPreconditionError("{}: the file is closed or abandoned", identity_.path);
}

}  // namespace quern::client
