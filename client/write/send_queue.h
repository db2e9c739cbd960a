// The hand-over between the caller of a FileWriter and its sending thread: an AppendWindow with a
// lock, and the wishes of the caller (flush, sync, close, cancel) beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "client/write/append_window.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::client {

// Thread-safe. One caller, one sender.
class SendQueue {
 public:
  // `wake` makes the sender look at the queue again.
  SendQueue(uint64_t chunk_size, std::function<void()> wake)
      : wake_(std::move(wake)), window_(chunk_size) {}

  // --- The caller's side. All but Cancel fail with what first went wrong for good. ---

  // The file is going to have so many bytes, as far as the caller knows.
  void ExpectTotal(uint64_t bytes);
  // Waits while the window is full.
  absl::Status Add(SharedPiece piece);
  // Wait until all replicas have everything in memory, or on disk.
  absl::Status Flush();
  absl::Status Sync();
  // Waits until everything is in sealed chunks; nothing may be added any more.
  absl::Status Close();
  void Cancel();
  uint64_t sealed_bytes() const;
  // Chunks that were sealed by force so far: there may be one durable copy of each.
  uint64_t forced_seals() const;

  // --- The sender's side. ---

  // The sender has ended: waiting callers return, with `status` if it is an error.
  void SenderEnded(const absl::Status& status);

  bool has_waiting() const;
  bool closing() const;
  bool cancelled() const;

  // Bytes that the next chunk is going to get; 0 when that is not known.
  uint64_t ExpectedBytes() const;
  // Begins a chunk that takes `capacity` bytes; the first seq that is in no earlier one.
  uint64_t BeginChunk(uint64_t capacity);
  // The next piece to send, now marked as sent.
  std::optional<Piece> TakeToSend();
  // The id of a sync that is to be sent now, given out once per chunk.
  std::optional<uint64_t> TakeSync();
  // True when nothing more goes into this chunk: it is full, or the file is being closed.
  bool ShouldSeal() const;
  // Of pieces that were sent and that not all replicas have yet.
  uint64_t unacked_bytes() const;
  // True when a server owes an answer to a piece or a sync.
  bool AwaitsAnswer() const;
  bool AwaitsSync() const;

  absl::Status OnAck(uint64_t last_seq, uint64_t committed);
  void OnSynced(uint64_t sync_id);
  absl::Status OnSealed(uint64_t length, uint32_t crc);
  absl::Status OnResolved(uint64_t length, uint32_t crc, uint64_t last_seq);
  uint64_t chunk_acked() const;

 private:
  bool Failed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !status_.ok() || ended_; }
  absl::Status Outcome() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Everything is in sealed chunks, which are durable (if in few copies, after a forced seal): so
  // is every sync that was asked for.
  void SyncedIfEmpty() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<void()> wake_;
  mutable Mutex mutex_;
  CondVar changed_;
  AppendWindow window_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t forced_seals_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t total_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: not known
  uint64_t sync_wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t sync_sent_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t sync_done_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace quern::client
