// What of a file's bytes is where: the bookkeeping of a writer, and the reason why every byte ends
// up in the file exactly once, whatever fails.
//
// Pieces are numbered 1, 2, 3, ... over the whole file. A piece waits, is sent to the present
// chunk, and is dropped when every replica of the chunk has it (an ack) or when the chunk was
// sealed with it inside. After a forced seal the pieces that are not in the sealed chunk wait
// again, for the next chunk; nothing else ever moves. Invariants:
//   - dropped < sent < waiting in number, without gaps;
//   - file offset of a chunk + bytes of its pieces = file offset of the next piece;
//   - an answer of a server that does not fit to what was sent is DataLoss, never believed.
// No lock, no I/O: used under the lock of the writer.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "client/piece.h"
#include "common/status.h"

namespace quern::client {

struct Piece {
  uint64_t seq = 0;
  SharedPiece buffer;

  size_t size() const { return buffer->size; }
  uint32_t crc() const { return buffer->crc; }
};

class AppendWindow {
 public:
  explicit AppendWindow(uint64_t chunk_size) : chunk_size_(chunk_size) {}

  // Takes over a filled buffer of 1 to chunk_size bytes with its CRC; its seq.
  uint64_t Add(SharedPiece buffer);

  // A chunk is there and empty: its first piece is base_seq(), the first one not in an earlier
  // chunk. It takes `capacity` bytes, 0: as many as any chunk of the file.
  void BeginChunk(uint64_t capacity = 0);
  bool in_chunk() const { return in_chunk_; }
  uint64_t base_seq() const { return dropped_seq_ + 1; }

  // The next piece for the present chunk: none when all are sent or when it does not fit any more.
  std::optional<Piece> NextToSend() const;
  void MarkSent();
  bool has_waiting() const { return next_to_send_ < pieces_.size(); }
  // True when the chunk can take no more: exactly full, or the next piece is too long for it.
  bool chunk_full() const;

  // Every replica holds the chunk's first `committed` bytes, which end with piece `last_seq`.
  absl::Status OnAck(uint64_t last_seq, uint64_t committed);
  // The chunk was sealed cleanly with everything that was sent.
  absl::Status OnSealed(uint64_t length, uint32_t crc);
  // The chunk was sealed by force: pieces up to `last_seq` are in it, the rest never will be.
  absl::Status OnResolved(uint64_t length, uint32_t crc, uint64_t last_seq);

  // Pieces that not all replicas have (or whose chunk is not sealed yet, after a failure).
  size_t unacked_pieces() const { return pieces_.size(); }
  size_t sent_unacked() const { return next_to_send_; }
  uint64_t sent_unacked_bytes() const { return sent_.end - acked_.end; }
  // Bytes that every replica of the present chunk has acknowledged.
  uint64_t chunk_acked() const { return acked_.end; }
  // Bytes in sealed chunks.
  uint64_t sealed_bytes() const { return chunk_start_; }
  uint64_t length() const { return length_; }
  // Bytes in no sealed chunk, when there is no chunk: those that the next one is wanted for.
  uint64_t unsealed_bytes() const { return length_ - chunk_start_; }

  // Our own mistakes: ends the process when an invariant does not hold.
  void Validate() const;

 private:
  // Where a piece ends in the present chunk, and the chunk's CRC32C up to there.
  struct Mark {
    uint64_t end = 0;
    uint32_t crc = 0;
  };
  Mark After(const Mark& mark, const Piece& piece) const;
  // The mark after piece `seq` of the present chunk; none when it was not sent to it. Numbers from
  // before the chunk stand for its start.
  std::optional<Mark> MarkOf(uint64_t seq) const;
  void DropThrough(uint64_t seq, const Mark& mark);
  void EndChunk(uint64_t length);

  const uint64_t chunk_size_;
  uint64_t capacity_ = 0;  // of the present chunk
  std::deque<Piece> pieces_;
  size_t next_to_send_ = 0;  // index into pieces_: those before it were sent to the present chunk
  uint64_t dropped_seq_ = 0;
  uint64_t length_ = 0;

  bool in_chunk_ = false;
  uint64_t chunk_start_ = 0;  // file offset
  uint64_t chunk_base_seq_ = 1;
  Mark acked_;  // after the last dropped piece of this chunk
  Mark sent_;   // after the last sent one
};

}  // namespace quern::client
