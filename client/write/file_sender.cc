#include "client/write/file_sender.h"

#include <algorithm>
#include <utility>

#include "common/random.h"
#include "common/sizes.h"

namespace quern::client {
namespace {

// Data are acknowledged from memory; a seal or a sync waits for disks, so many times longer.
constexpr int kDiskPatience = 6;
// Chunks in a row that may fail without taking a byte.
constexpr int kMaxFruitlessChunks = 8;

}  // namespace

FileSender::FileSender(ClientContext* context, WriterIdentity identity, uint64_t chunk_size)
    : context_(context),
      identity_(std::move(identity)),
      producer_(RandomId()),
      queue_(chunk_size,
             [this] {
               if (loop_ != nullptr) loop_->Wake();
             }),
      wait_(&context->awaited_writes, context->options.server_silence) {}

void FileSender::PrepareRun() { loop_ = std::make_unique<rpc::BulkLoop>(); }

void FileSender::Run() { queue_.SenderEnded(OfFile(SendAll(), identity_.path)); }

absl::Status FileSender::SendAll() {
  while (WaitForBytes()) {
    RETURN_IF_ERROR(WriteChunk());
  }
  // The file turned out to be empty: its chunk is sealed as it is.
  if (first_chunk_.has_value() && !queue_.cancelled()) return WriteChunk();
  return absl::OkStatus();
}

bool FileSender::WaitForBytes() {
  while (!queue_.cancelled()) {
    if (queue_.has_waiting()) return true;
    if (queue_.closing()) return false;
    loop_->Next(absl::InfiniteDuration());
  }
  return false;
}

absl::StatusOr<OpenChunk> FileSender::NextChunk() {
  if (first_chunk_.has_value()) return *std::exchange(first_chunk_, std::nullopt);
  return Allocate();
}

absl::StatusOr<std::optional<WholeChunk>> FileSender::BeginWhole() {
  ASSIGN_OR_RETURN(OpenChunk chunk, NextChunk());
  queue_.BeginChunk(chunk.capacity);
  std::optional<Piece> piece = queue_.TakeToSend();
  if (!piece.has_value()) {
    // The file has become longer than its chunk was made for.
    first_chunk_ = std::move(chunk);
    return std::nullopt;
  }
  ++ordinal_;
  return WholeChunk{std::move(chunk), *std::move(piece), producer_};
}

absl::StatusOr<std::optional<FileSender::ClosedChunk>> FileSender::EndWhole(
    const WholeChunk& whole, const ChunkFailure& failure) {
  if (!failure.status.ok()) {
    RETURN_IF_ERROR(Resolve(whole.chunk, failure));
    return std::nullopt;
  }
  const Piece& piece = whole.piece;
  RETURN_IF_ERROR(queue_.OnSealed(piece.size(), piece.crc()));
  return ClosedChunk{whole.chunk.id, whole.chunk.chain.front().id, piece.size(), piece.crc()};
}

absl::Status FileSender::WriteChunk() {
  ASSIGN_OR_RETURN(const OpenChunk chunk, NextChunk());
  const ChunkFailure failure = StreamChunk(chunk);
  ++ordinal_;
  if (failure.status.ok()) {
    fruitless_chunks_ = 0;
    return absl::OkStatus();
  }
  if (queue_.cancelled()) return CancelledError("the file was abandoned");
  return Resolve(chunk, failure);
}

absl::StatusOr<OpenChunk> FileSender::Allocate() {
  pb::AllocateChunkRequest request;
  request.set_inode_id(identity_.inode.value());
  request.set_writer_token(identity_.token);
  request.set_ordinal(ordinal_);
  request.set_writer_node(context_->options.node);
  request.set_expected_bytes(queue_.ExpectedBytes());
  for (const ServerId server : context_->suspects.All()) {
    request.add_exclude_servers(server.value());
  }
  ASSIGN_OR_RETURN(const pb::AllocateChunkResponse response,
                   context_->master.AllocateChunk(std::move(request)));
  OpenChunk chunk = ToOpenChunk(response);
  if (chunk.chain.empty()) return InternalError("the master gave chunk {} no server", chunk.id);
  return chunk;
}

ChunkFailure FileSender::StreamChunk(const OpenChunk& chunk) {
  Clock* clock = context_->clock;
  seal_sent_ = false;
  const uint64_t base_seq = queue_.BeginChunk(chunk.capacity);
  const ServerAddress& primary = chunk.chain.front();
  AppendStream stream(loop_.get(), context_->channels.Get(primary.address, rpc::ChannelKind::kBulk),
                      primary);
  wait_.Rest();
  stream.Open(chunk, {.producer = producer_, .base_seq = base_seq});
  absl::Time heard = clock->MonotonicNow();
  while (!queue_.cancelled()) {
    SendWhatMayGo(&stream);
    const bool waiting = queue_.AwaitsAnswer() || seal_sent_;
    const bool awaits_disk = AwaitsDisk();
    const uint64_t unacked = queue_.unacked_bytes();
    const AwaitedBytes::Share share(&context_->awaited_writes, NextAnswerBytes());
    const absl::Time began = clock->MonotonicNow();
    // It goes on while messages leave and pieces are added: those say nothing of the servers.
    if (unacked > 0) {
      wait_.Await(began);
    } else {
      wait_.Rest();
    }
    const absl::Duration patience =
        UntilNextLook(Allowance() - (began - heard), context_->options.server_silence);
    const auto response =
        stream.OnEvent(loop_->Next(waiting ? patience : absl::InfiniteDuration()));
    const absl::Time now = clock->MonotonicNow();
    if (!response.ok()) return {response.status(), stream.failed_server()};
    if (response->has_value() || !waiting) heard = now;
    if (response->has_value()) {
      const absl::StatusOr<bool> sealed = OnResponse(**response);
      if (!sealed.ok()) return {sealed.status(), chunk.chain.front().id};
      const uint64_t left = queue_.unacked_bytes();
      if (left < unacked) {
        wait_.Arrived(now, {.bytes = unacked - left, .waited_for_disk = awaits_disk});
      }
      if (*sealed) return {};
    }
    if (waiting && now - heard >= Allowance()) {
      wait_.GaveUp();
      return {DeadlineExceededError("no answer for {}", FormatDuration(now - heard)), ServerId()};
    }
  }
  return {CancelledError("the file was abandoned"), {}};
}

void FileSender::SendWhatMayGo(AppendStream* stream) {
  while (const std::optional<Piece> piece = queue_.TakeToSend()) stream->Send(*piece);
  if (seal_sent_) return;
  if (const std::optional<uint64_t> sync = queue_.TakeSync()) stream->SendSync(*sync);
  if (queue_.ShouldSeal()) {
    stream->SendSeal();
    seal_sent_ = true;
  }
}

absl::StatusOr<bool> FileSender::OnResponse(const pb::AppendResponse& response) {
  if (response.has_sealed()) {
    RETURN_IF_ERROR(queue_.OnSealed(response.sealed().length(), response.sealed().crc()));
    return true;
  }
  if (response.opened_at() != 0) {
    return DataLossError("a new chunk has {} bytes already", response.opened_at());
  }
  if (!response.has_opened_at()) {
    RETURN_IF_ERROR(queue_.OnAck(response.last_seq(), response.committed()));
  }
  if (response.has_synced_id()) queue_.OnSynced(response.synced_id());
  return false;
}

uint64_t FileSender::NextAnswerBytes() const {
  return std::min<uint64_t>(queue_.unacked_bytes(), kPieceBytes);
}

// A seal and a sync go out right behind the last pieces, whose acks may wait for the disk as well.
bool FileSender::AwaitsDisk() const { return seal_sent_ || queue_.AwaitsSync(); }

absl::Duration FileSender::Allowance() const {
  const absl::Duration for_bytes = wait_.Allowed(NextAnswerBytes());
  const absl::Duration for_disk = context_->options.server_silence * kDiskPatience;
  return AwaitsDisk() ? std::max(for_bytes, for_disk) : for_bytes;
}

ServerId FileSender::ToBlame(const OpenChunk& chunk, const ChunkFailure& failure) const {
  if (failure.server) return failure.server;
  // A primary waits longer for the others of its chain than it is waited for. A server that is
  // silent altogether gets no new chunk from the master; should the next one end like this as well,
  // something is wrong between two of them, and another primary may know which.
  const bool knows = chunk.chain.size() == 1 || fruitless_chunks_ > 0;
  return knows ? chunk.chain.front().id : ServerId();
}

absl::Status FileSender::Resolve(const OpenChunk& chunk, const ChunkFailure& failure) {
  const uint64_t acked = queue_.chunk_acked();
  const ServerId blamed = ToBlame(chunk, failure);
  for (const ServerAddress& server : chunk.chain) {
    if (server.id == blamed) context_->Suspect(server);
  }
  pb::ResolveChunkRequest request;
  request.set_inode_id(identity_.inode.value());
  request.set_writer_token(identity_.token);
  request.set_chunk_id(chunk.id.value());
  request.set_reason(std::string(Message(failure.status)));
  request.set_acked_offset(acked);
  request.set_producer(producer_);
  ASSIGN_OR_RETURN(const pb::ResolveChunkResponse sealed,
                   context_->master.ResolveChunk(std::move(request)));
  const std::string what = fmt::format("chunk {} on {}", chunk.id,
                                       failure.server ? failure.server : chunk.chain.front().id);
  if (sealed.lost_tail() && sealed.sealed_length() < acked) {
    // They were acknowledged from memory, and are kept here no longer.
    return AbortedError(
        "{}: its servers lost power before {} bytes were on a disk. Try: write the file again",
        what, acked - sealed.sealed_length());
  }
  RETURN_IF_ERROR(
      Annotate(queue_.OnResolved(sealed.sealed_length(), sealed.crc(), sealed.last_seq()), what));
  fruitless_chunks_ = sealed.sealed_length() > 0 ? 0 : fruitless_chunks_ + 1;
  if (fruitless_chunks_ < kMaxFruitlessChunks) return absl::OkStatus();
  return Annotate(failure.status, fmt::format("{} chunks failed one after another, the last was {}",
                                              fruitless_chunks_, what));
}

}  // namespace quern::client
