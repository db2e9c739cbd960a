#include "client/read/read_stream_impl.h"

#include <algorithm>

#include "client/read/chunk_stream.h"
#include "client/read/local_chunk.h"
#include "common/crc32c.h"
#include "common/sizes.h"

namespace quern::client {
namespace {

// The next chunk's stream is opened when this much of the present one is left.
constexpr uint64_t kOpenAheadBytes = 4 << 20;

}  // namespace

ReadStreamImpl::ReadStreamImpl(ClientContext* context, std::shared_ptr<ChunkMap> chunks,
                               uint64_t begin, uint64_t end)
    : context_(context),
      chunks_(std::move(chunks)),
      position_(begin),
      end_(end),
      waiting_since_(context_->clock->MonotonicNow()),
      backoff_(absl::Milliseconds(50), absl::Seconds(1)) {}

absl::StatusOr<std::string_view> ReadStreamImpl::Next() {
  RETURN_IF_ERROR(status_);
  waiting_since_ = context_->clock->MonotonicNow();
  while (true) {
    if (const std::string_view slice = NextSlice(); !slice.empty()) return slice;
    if (position_ == end_) return std::string_view();
    status_ = EnsureStream();
    if (!status_.ok()) return status_;
    OpenNextAhead();
    status_ = GetOn();
    if (!status_.ok()) return status_;
  }
}

absl::Status ReadStreamImpl::GetOn() {
  absl::StatusOr<std::optional<CheckedBytes>> bytes = current_->Take();
  if (!bytes.ok() && current_->is_direct() && !absl::IsDataLoss(bytes.status())) {
    current_ = Connect(position_, chunk_, current_->server());
    waiting_since_ = context_->clock->MonotonicNow();
    return absl::OkStatus();
  }
  if (!bytes.ok()) {
    OnFailure(bytes.status());
    return absl::OkStatus();
  }
  return bytes->has_value() ? OnBytes(**std::move(bytes)) : Wait();
}

std::string_view ReadStreamImpl::NextSlice() {
  while (next_slice_ < bytes_.payload.slices().size()) {
    const grpc::Slice& slice = bytes_.payload.slices()[next_slice_++];
    if (slice.size() > 0) return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
  }
  return {};
}

absl::Status ReadStreamImpl::OnBytes(CheckedBytes bytes) {
  choice_.NewRound();
  failing_since_ = absl::InfiniteFuture();
  backoff_.Reset();
  position_ += bytes.payload.size();
  chunk_crc_ = ConcatCrc32c(chunk_crc_, bytes.crc, bytes.payload.size());
  if (position_ == chunk_.offset + chunk_.length) {
    current_ = std::move(ahead_);
    // Every message was right in itself; this also catches another chunk's bytes in the right form.
    if (whole_chunk_ && chunk_crc_ != chunk_.crc) {
      return DataLossError(
          "{}: chunk {} reads with crc {:08x}, it was sealed with {:08x}. Try: "
          "dfs fsck",
          chunks_->status().path, chunk_.id, chunk_crc_, chunk_.crc);
    }
    if (current_ != nullptr) current_->Resume();
  }
  bytes_ = std::move(bytes);
  next_slice_ = 0;
  return absl::OkStatus();
}

absl::Status ReadStreamImpl::EnsureStream() {
  while (true) {
    if (chunk_.length == 0 || position_ >= chunk_.offset + chunk_.length) {
      ASSIGN_OR_RETURN(chunk_, chunks_->Find(position_));
      whole_chunk_ = position_ == chunk_.offset;
      chunk_crc_ = 0;
    }
    if (current_ != nullptr) return absl::OkStatus();
    const auto server = choice_.Next(chunk_, [this](ServerId id) { return Suspected(id); });
    if (server.has_value()) {
      current_ = OpenAt(position_, chunk_, *server);
      waiting_since_ = context_->clock->MonotonicNow();
    } else {
      RETURN_IF_ERROR(NewRound());
    }
  }
}

std::unique_ptr<ChunkSource> ReadStreamImpl::OpenAt(uint64_t position, const ChunkInfo& chunk,
                                                    const ServerAddress& server) {
  if (context_->options.local_reads && !context_->slow_local.Contains(server.id)) {
    // What is wrong with it, if it is here at all, is found out again and said on the other way.
    auto local = LocalChunk::Open(chunk, server, RangeFrom(position, chunk));
    if (local.ok()) return *std::move(local);
    if (absl::IsDeadlineExceeded(local.status())) context_->slow_local.Add(server.id);
  }
  return Connect(position, chunk, server);
}

std::unique_ptr<ChunkSource> ReadStreamImpl::Connect(uint64_t position, const ChunkInfo& chunk,
                                                     const ServerAddress& server) {
  return std::make_unique<ChunkStream>(
      &loop_, context_->channels.Get(server.address, rpc::ChannelKind::kBulk), chunk, server,
      RangeFrom(position, chunk));
}

ChunkRange ReadStreamImpl::RangeFrom(uint64_t position, const ChunkInfo& chunk) const {
  const uint64_t until = std::min(end_, chunk.offset + chunk.length);
  return {.offset = position - chunk.offset, .length = until - position};
}

void ReadStreamImpl::OpenNextAhead() {
  const uint64_t next = chunk_.offset + chunk_.length;
  if (ahead_ != nullptr || next >= end_ || next - position_ > kOpenAheadBytes) return;
  if (not_ahead_ == next) return;
  OpenAhead(next);
  // What went wrong comes up again when it is needed.
  if (ahead_ == nullptr) not_ahead_ = next;
  // The master may have taken its time, in which nobody looked at what the present server sent.
  waiting_since_ = context_->clock->MonotonicNow();
}

void ReadStreamImpl::OpenAhead(uint64_t next) {
  const auto chunk = chunks_->Find(next);
  if (!chunk.ok()) return;
  const auto server = ReplicaChoice().Next(*chunk, [this](ServerId id) { return Suspected(id); });
  if (!server.has_value() || Suspected(server->id)) return;
  ahead_ = OpenAt(next, *chunk, *server);
  ahead_->Pause();
}

absl::Status ReadStreamImpl::Wait() {
  const uint64_t awaited = std::min<uint64_t>(RangeFrom(position_, chunk_).length, kPieceBytes);
  const AwaitedBytes::Share share(&context_->awaited, awaited);
  const absl::Time began = context_->clock->MonotonicNow();
  const rpc::BulkEvent event = loop_.Next(waiting_since_ + Allowance() - began);
  if (ahead_ != nullptr && !ahead_->OnEvent(event).ok()) {
    context_->Suspect(ahead_->server());
    ahead_.reset();
  }
  const absl::Status status = current_->OnEvent(event);
  const absl::Time now = context_->clock->MonotonicNow();
  const absl::Duration silence = now - waiting_since_;
  if (event.kind == rpc::BulkEvent::Kind::kMessage) {
    context_->awaited.Arrived(now - began);
    link_doubted_ = false;
  }
  if (!status.ok()) {
    OnFailure(status);
  } else if (event.kind == rpc::BulkEvent::Kind::kTimeout && silence >= Allowance()) {
    link_doubted_ = true;
    OnFailure(DeadlineExceededError("it sent nothing for {}", FormatDuration(silence)));
  }
  return absl::OkStatus();
}

absl::Duration ReadStreamImpl::Allowance() const {
  return context_->PatienceFor(context_->options.server_silence, link_doubted_);
}

void ReadStreamImpl::OnFailure(const absl::Status& why) {
  const ServerAddress server = current_->server();
  last_failure_ = Annotate(why, fmt::format("{} at {}", server.id, server.address));
  if (why.code() == absl::StatusCode::kDataLoss) {
    context_->ReportBadReplica(chunk_.id, server.id, Message(why));
  }
  context_->Suspect(server);
  choice_.Failed(server.id);
  current_.reset();
  failing_since_ = std::min(failing_since_, context_->clock->MonotonicNow());
}

absl::Status ReadStreamImpl::NewRound() {
  Clock* clock = context_->clock;
  failing_since_ = std::min(failing_since_, clock->MonotonicNow());
  const absl::Duration pause = backoff_.Next();
  if (clock->MonotonicNow() + pause - failing_since_ > context_->options.master_timeout) {
    const std::string what = fmt::format("{}: chunk {}", chunks_->status().path, chunk_.id);
    if (chunk_.replicas.empty()) {
      return UnavailableError("{} has no live replica (0 of {}). Try: dfs fsck --locations", what,
                              chunk_.wanted_replicas);
    }
    return Annotate(last_failure_, fmt::format("{}: none of {} replicas can be read, the last was",
                                               what, chunk_.replicas.size()));
  }
  clock->Sleep(pause);
  choice_.NewRound();
  ASSIGN_OR_RETURN(chunk_, chunks_->Refresh(chunk_));
  return absl::OkStatus();
}

}  // namespace quern::client
