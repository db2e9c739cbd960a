#include "client/read/read_stream_impl.h"

#include <algorithm>

#include "client/read/chunk_stream.h"
#include "client/read/local_chunk.h"
#include "common/crc32c.h"
#include "common/shell_words.h"
#include "common/sizes.h"

namespace quern::client {
namespace {

// The next chunk's stream is opened when this much of the present one is left.
constexpr uint64_t kOpenAheadBytes = 4 << 20;
// In the first one a replica may be wrong only in what others gave out before it.
constexpr int kMaxWrongRounds = 2;

}  // namespace

ReadStreamImpl::ReadStreamImpl(ClientContext* context, std::shared_ptr<ChunkMap> chunks,
                               uint64_t begin, uint64_t end)
    : context_(context),
      chunks_(std::move(chunks)),
      position_(begin),
      end_(end),
      waiting_since_(context_->clock->MonotonicNow()),
      wait_(&context->awaited_reads, context->options.server_silence),
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
    ConnectInstead();
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
  if (comparison_.has_value()) return Compare(bytes);
  const uint64_t next = position_ + bytes.payload.size();
  const uint32_t crc = ConcatCrc32c(chunk_crc_, bytes.crc, bytes.payload.size());
  const bool is_last = next == chunk_.offset + chunk_.length;
  // Every message was right in itself; this also catches another chunk's bytes in the right form.
  if (is_last && whole_chunk_ && crc != chunk_.crc) {
    OnWrongChunk(crc);
    return absl::OkStatus();
  }
  if (is_last) doubted_ = false;
  // Of a chunk that came wrong, single pieces are no success: they could be got for ever.
  if (!doubted_) {
    choice_.NewRound();
    failing_since_ = absl::InfiniteFuture();
    backoff_.Reset();
  }
  position_ = next;
  chunk_crc_ = crc;
  givers_.insert(current_->server().id);
  if (current_->is_direct()) direct_bytes_ += bytes.payload.size();
  if (is_last) {
    direct_again_at_.reset();
    direct_bytes_ = kReadAheadBytes;
    current_ = std::move(ahead_);
    if (current_ != nullptr) {
      current_->Resume();
      wait_.Asked(ahead_since_, context_->clock->MonotonicNow());
    }
  } else if (direct_again_at_ == position_) {
    GoOnAtServer();
  }
  bytes_ = std::move(bytes);
  next_slice_ = 0;
  return absl::OkStatus();
}

void ReadStreamImpl::OnWrongChunk(uint32_t crc) {
  const absl::Status why = DataLossError(
      "the whole chunk reads with crc {:08x}, it was sealed with {:08x}", crc, chunk_.crc);
  // Any of those that gave a part of it may be the one: each looks at its own replica.
  for (const ServerId giver : givers_) {
    if (!doubted_ && giver != current_->server().id) {
      context_->ReportBadReplica(chunk_.id, giver, Message(why));
    }
  }
  OnFailure(why);
  doubted_ = true;
  ++wrong_in_round_;
}

absl::Status ReadStreamImpl::Compare(const CheckedBytes& bytes) {
  waiting_since_ = context_->clock->MonotonicNow();
  comparison_->position += bytes.payload.size();
  comparison_->crc = ConcatCrc32c(comparison_->crc, bytes.crc, bytes.payload.size());
  if (comparison_->position == position_) {
    current_ = Connect(chunk_, current_->server(), RangeFrom(position_, chunk_));
    BeginWait();
    // The same so far: the rest of it may be given out. If not, its end says which of the two is
    // wrong.
    if (comparison_->crc == chunk_crc_) comparison_.reset();
    return absl::OkStatus();
  }
  if (comparison_->position < chunk_.offset + chunk_.length) return absl::OkStatus();
  if (comparison_->crc != chunk_.crc) {
    OnWrongChunk(comparison_->crc);
    return absl::OkStatus();
  }
  return DataLossError(
      "{}: chunk {}: what was read of it from {} was wrong, {} has it right. Try: read it again",
      chunks_->status().path, chunk_.id, fmt::join(givers_, ", "), current_->server().id);
}

absl::Status ReadStreamImpl::EnsureStream() {
  while (true) {
    if (chunk_.length == 0 || position_ >= chunk_.offset + chunk_.length) {
      ASSIGN_OR_RETURN(chunk_, chunks_->Find(position_));
      whole_chunk_ = position_ == chunk_.offset;
      chunk_crc_ = 0;
      doubted_ = false;
      wrong_in_round_ = 0;
      wrong_rounds_ = 0;
      givers_.clear();
    }
    if (current_ != nullptr) return absl::OkStatus();
    const auto server = choice_.Next(chunk_, [this](ServerId id) { return Suspected(id, chunk_); });
    if (server.has_value()) {
      OpenCurrent(*server);
    } else {
      RETURN_IF_ERROR(NewRound());
    }
  }
}

// While the memory runs out of a chunk as soon as the disk has filled it again, nothing is gained
// by going back and forth: then all the rest of the chunk comes from the server.
void ReadStreamImpl::ConnectInstead() {
  ChunkRange range = RangeFrom(position_, chunk_);
  const bool goes_on =
      !doubted_ && direct_bytes_ >= kReadAheadBytes / 2 && range.length > 2 * kPieceBytes;
  direct_again_at_.reset();
  direct_bytes_ = 0;
  if (goes_on) {
    const uint64_t piece = kPieceBytes - range.offset % kPieceBytes;
    range.read_ahead = std::min(kReadAheadBytes, range.length - piece);
    range.length = piece;
    direct_again_at_ = position_ + piece;
  }
  current_ = Connect(chunk_, current_->server(), range);
  BeginWait();
}

void ReadStreamImpl::OpenCurrent(const ServerAddress& server) {
  comparison_.reset();
  direct_again_at_.reset();
  if (doubted_ && position_ > chunk_.offset) {
    comparison_ = Comparison{.position = chunk_.offset, .crc = 0};
    current_ = Connect(chunk_, server, {.offset = 0, .length = position_ - chunk_.offset});
  } else {
    current_ = OpenAt(position_, chunk_, server);
  }
  BeginWait();
}

void ReadStreamImpl::GoOnAtServer() {
  const ServerAddress server = current_->server();
  OpenCurrent(server);
}

void ReadStreamImpl::BeginWait() {
  waiting_since_ = context_->clock->MonotonicNow();
  wait_.Asked(waiting_since_, waiting_since_);
}

std::unique_ptr<ChunkSource> ReadStreamImpl::OpenAt(uint64_t position, const ChunkInfo& chunk,
                                                    const ServerAddress& server) {
  if (context_->options.local_reads && !context_->slow_local.Contains(server.id)) {
    // What is wrong with it, if it is here at all, is found out again and said on the other way.
    auto local = LocalChunk::Open(chunk, server, RangeFrom(position, chunk));
    if (local.ok()) return *std::move(local);
    if (absl::IsDeadlineExceeded(local.status())) context_->slow_local.Add(server.id);
  }
  return Connect(chunk, server, RangeFrom(position, chunk));
}

std::unique_ptr<ChunkSource> ReadStreamImpl::Connect(const ChunkInfo& chunk,
                                                     const ServerAddress& server,
                                                     ChunkRange range) {
  return std::make_unique<ChunkStream>(
      &loop_, context_->channels.Get(server.address, rpc::ChannelKind::kBulk), chunk, server,
      range);
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
  const auto suspect = [&](ServerId id) { return Suspected(id, *chunk); };
  const auto server = ReplicaChoice().Next(*chunk, suspect);
  if (!server.has_value() || suspect(server->id)) return;
  ahead_chunk_ = chunk->id;
  ahead_since_ = context_->clock->MonotonicNow();
  ahead_ = OpenAt(next, *chunk, *server);
  ahead_->Pause();
}

uint64_t ReadStreamImpl::NextMessageBytes() const {
  const uint64_t from = comparison_.has_value() ? comparison_->position : position_;
  return std::min<uint64_t>(RangeFrom(from, chunk_).length, kPieceBytes);
}

absl::Status ReadStreamImpl::Wait() {
  const AwaitedBytes::Share share(&context_->awaited_reads, NextMessageBytes());
  const absl::Time began = context_->clock->MonotonicNow();
  wait_.Await(began);
  const absl::Duration rest = waiting_since_ + Allowance() - began;
  const rpc::BulkEvent event = loop_.Next(UntilNextLook(rest, context_->options.server_silence));
  if (ahead_ != nullptr) OnEventAhead(event);
  const absl::Status status = current_->OnEvent(event);
  const absl::Time now = context_->clock->MonotonicNow();
  const absl::Duration silence = now - waiting_since_;
  if (event.kind == rpc::BulkEvent::Kind::kMessage && current_->Gave(event)) {
    wait_.Arrived(now, {.bytes = event.message.Length()});
  }
  if (!status.ok() && current_->was_dropped() && !doubted_) {
    GoOnAtServer();
  } else if (!status.ok()) {
    OnFailure(status);
  } else if (event.kind == rpc::BulkEvent::Kind::kTimeout && silence >= Allowance()) {
    wait_.GaveUp();
    OnFailure(DeadlineExceededError("it sent nothing for {}", FormatDuration(silence)));
  }
  return absl::OkStatus();
}

void ReadStreamImpl::OnEventAhead(const rpc::BulkEvent& event) {
  const absl::Status status = ahead_->OnEvent(event);
  if (status.ok()) return;
  context_->SuspectReplica(ahead_->server(), ahead_chunk_, status);
  ahead_.reset();
}

absl::Duration ReadStreamImpl::Allowance() const { return wait_.Allowed(NextMessageBytes()); }

void ReadStreamImpl::OnFailure(const absl::Status& why) {
  const ServerAddress server = current_->server();
  // One that is shorter lags behind, and may get the rest yet; and one that is missing may come.
  const bool may_come = absl::IsOutOfRange(why) || absl::IsNotFound(why);
  const absl::Status told = may_come ? UnavailableError("{}", Message(why)) : why;
  last_failure_ = Annotate(told, fmt::format("{} at {}", server.id, server.address));
  if (why.code() == absl::StatusCode::kDataLoss) {
    context_->ReportBadReplica(chunk_.id, server.id, Message(why));
  }
  if (!current_->was_dropped()) context_->SuspectReplica(server, chunk_.id, why);
  choice_.Failed(server.id);
  current_.reset();
  failing_since_ = std::min(failing_since_, context_->clock->MonotonicNow());
}

absl::Status ReadStreamImpl::NewRound() {
  Clock* clock = context_->clock;
  failing_since_ = std::min(failing_since_, clock->MonotonicNow());
  const absl::Duration pause = backoff_.Next();
  const absl::Duration failing = clock->MonotonicNow() + pause - failing_since_;
  wrong_rounds_ = AllWereWrong() ? wrong_rounds_ + 1 : 0;
  const ClientOptions& options = context_->options;
  const absl::Duration patience = std::min(options.master_timeout, options.chunk_patience);
  if (wrong_rounds_ == kMaxWrongRounds || failing > patience) return NoneCanBeRead();
  clock->Sleep(pause);
  choice_.NewRound();
  wrong_in_round_ = 0;
  const absl::Time asked = clock->MonotonicNow();
  ASSIGN_OR_RETURN(chunk_, chunks_->Refresh(chunk_));
  // The master may have been away, and its servers come after it: that was another patience.
  failing_since_ += clock->MonotonicNow() - asked;
  return absl::OkStatus();
}

bool ReadStreamImpl::AllWereWrong() const {
  const size_t all = std::max<size_t>(chunk_.replicas.size(), chunk_.wanted_replicas);
  return wrong_in_round_ > 0 && wrong_in_round_ >= all;
}

absl::Status ReadStreamImpl::NoneCanBeRead() const {
  const std::string what = fmt::format("{}: chunk {}", chunks_->status().path, chunk_.id);
  if (chunk_.replicas.empty()) {
    return UnavailableError("{} has no live replica (0 of {}). Try: dfs fsck {} --locations", what,
                            chunk_.wanted_replicas, ShellQuotedLine(chunks_->status().path));
  }
  std::vector<ServerId> holders;
  for (const ServerAddress& replica : chunk_.replicas) holders.push_back(replica.id);
  return Annotate(last_failure_,
                  fmt::format("{}: none of {} replicas ({}) can be read, the last was", what,
                              holders.size(), fmt::join(holders, ", ")));
}

}  // namespace quern::client
