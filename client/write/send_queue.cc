#include "client/write/send_queue.h"

#include <algorithm>

namespace quern::client {
namespace {

// Enough that the source is read on while a chunk is sealed and the next one made.
constexpr size_t kMaxPieces = 16;

}  // namespace

absl::Status SendQueue::Outcome() const {
  if (!status_.ok()) return status_;
  return FailedPreconditionError("the file is closed or abandoned");
}

void SendQueue::ExpectTotal(uint64_t bytes) {
  MutexLock lock(&mutex_);
  total_ = bytes;
}

uint64_t SendQueue::ExpectedBytes() const {
  MutexLock lock(&mutex_);
  if (total_ <= window_.sealed_bytes()) return 0;
  // The file may turn out longer than was thought: what is there already must fit.
  return std::max(total_ - window_.sealed_bytes(), window_.unsealed_bytes());
}

absl::Status SendQueue::Add(SharedPiece piece) {
  {
    MutexLock lock(&mutex_);
    while (!Failed() && window_.unacked_pieces() >= kMaxPieces) changed_.Wait(&mutex_);
    if (Failed()) return Outcome();
    window_.Add(std::move(piece));
  }
  wake_();
  return absl::OkStatus();
}

absl::Status SendQueue::Flush() {
  MutexLock lock(&mutex_);
  while (!Failed() && window_.unacked_pieces() > 0) changed_.Wait(&mutex_);
  return Failed() ? Outcome() : absl::OkStatus();
}

absl::Status SendQueue::Sync() {
  uint64_t id = 0;
  {
    MutexLock lock(&mutex_);
    id = ++sync_wanted_;
    SyncedIfEmpty();
  }
  wake_();
  MutexLock lock(&mutex_);
  while (!Failed() && sync_done_ < id) changed_.Wait(&mutex_);
  return Failed() ? Outcome() : absl::OkStatus();
}

absl::Status SendQueue::Close() {
  {
    MutexLock lock(&mutex_);
    closing_ = true;
  }
  wake_();
  MutexLock lock(&mutex_);
  while (!ended_) changed_.Wait(&mutex_);
  return status_;
}

void SendQueue::Cancel() {
  {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    if (status_.ok()) status_ = CancelledError("the file was abandoned");
    changed_.SignalAll();
  }
  wake_();
}

uint64_t SendQueue::sealed_bytes() const {
  MutexLock lock(&mutex_);
  return window_.sealed_bytes();
}

uint64_t SendQueue::forced_seals() const {
  MutexLock lock(&mutex_);
  return forced_seals_;
}

void SendQueue::SenderEnded(const absl::Status& status) {
  MutexLock lock(&mutex_);
  ended_ = true;
  if (status_.ok()) status_ = status;
  changed_.SignalAll();
}

bool SendQueue::has_waiting() const {
  MutexLock lock(&mutex_);
  return window_.has_waiting();
}

bool SendQueue::closing() const {
  MutexLock lock(&mutex_);
  return closing_;
}

bool SendQueue::cancelled() const {
  MutexLock lock(&mutex_);
  return cancelled_;
}

uint64_t SendQueue::BeginChunk(uint64_t capacity) {
  MutexLock lock(&mutex_);
  window_.BeginChunk(capacity);
  sync_sent_ = sync_done_;
  return window_.base_seq();
}

std::optional<Piece> SendQueue::TakeToSend() {
  MutexLock lock(&mutex_);
  std::optional<Piece> piece = window_.NextToSend();
  if (piece.has_value()) window_.MarkSent();
  return piece;
}

std::optional<uint64_t> SendQueue::TakeSync() {
  MutexLock lock(&mutex_);
  if (sync_sent_ == sync_wanted_ || window_.has_waiting()) return std::nullopt;
  sync_sent_ = sync_wanted_;
  return sync_sent_;
}

bool SendQueue::ShouldSeal() const {
  MutexLock lock(&mutex_);
  return window_.chunk_full() || (closing_ && !window_.has_waiting());
}

bool SendQueue::AwaitsAnswer() const {
  MutexLock lock(&mutex_);
  return window_.sent_unacked() > 0 || sync_sent_ > sync_done_;
}

bool SendQueue::AwaitsSync() const {
  MutexLock lock(&mutex_);
  return sync_sent_ > sync_done_;
}

uint64_t SendQueue::unacked_bytes() const {
  MutexLock lock(&mutex_);
  return window_.sent_unacked_bytes();
}

absl::Status SendQueue::OnAck(uint64_t last_seq, uint64_t committed) {
  MutexLock lock(&mutex_);
  changed_.SignalAll();
  return window_.OnAck(last_seq, committed);
}

void SendQueue::OnSynced(uint64_t sync_id) {
  MutexLock lock(&mutex_);
  sync_done_ = std::max(sync_done_, std::min(sync_id, sync_sent_));
  changed_.SignalAll();
}

absl::Status SendQueue::OnSealed(uint64_t length, uint32_t crc) {
  MutexLock lock(&mutex_);
  changed_.SignalAll();
  RETURN_IF_ERROR(window_.OnSealed(length, crc));
  SyncedIfEmpty();
  return absl::OkStatus();
}

absl::Status SendQueue::OnResolved(uint64_t length, uint32_t crc, uint64_t last_seq) {
  MutexLock lock(&mutex_);
  changed_.SignalAll();
  RETURN_IF_ERROR(window_.OnResolved(length, crc, last_seq));
  if (length > 0) ++forced_seals_;
  SyncedIfEmpty();
  return absl::OkStatus();
}

uint64_t SendQueue::chunk_acked() const {
  MutexLock lock(&mutex_);
  return window_.chunk_acked();
}

void SendQueue::SyncedIfEmpty() {
  if (!window_.in_chunk() && window_.unacked_pieces() == 0) sync_done_ = sync_wanted_;
}

}  // namespace quern::client
