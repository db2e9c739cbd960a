#include "client/write/append_window.h"

#include <algorithm>
#include <cstdlib>

#include "common/crc32c.h"

namespace quern::client {

uint64_t AppendWindow::Add(SharedPiece buffer) {
  length_ += buffer->size;
  pieces_.push_back({.seq = base_seq() + pieces_.size(), .buffer = std::move(buffer)});
  return pieces_.back().seq;
}

void AppendWindow::BeginChunk(uint64_t capacity) {
  in_chunk_ = true;
  capacity_ = capacity == 0 ? chunk_size_ : std::min(capacity, chunk_size_);
  chunk_base_seq_ = base_seq();
  acked_ = {};
  sent_ = {};
}

std::optional<Piece> AppendWindow::NextToSend() const {
  if (!in_chunk_ || !has_waiting()) return std::nullopt;
  const Piece& piece = pieces_[next_to_send_];
  if (sent_.end + piece.size() > capacity_) return std::nullopt;
  return piece;
}

void AppendWindow::MarkSent() { sent_ = After(sent_, pieces_[next_to_send_++]); }

bool AppendWindow::chunk_full() const {
  if (!in_chunk_) return false;
  return sent_.end >= capacity_ ||
         (has_waiting() && sent_.end + pieces_[next_to_send_].size() > capacity_);
}

absl::Status AppendWindow::OnAck(uint64_t last_seq, uint64_t committed) {
  const std::optional<Mark> mark = MarkOf(last_seq);
  if (!mark.has_value() || mark->end != committed) {
    return DataLossError("acknowledged {} bytes up to piece {}, which is not what was sent",
                         committed, last_seq);
  }
  DropThrough(last_seq, *mark);
  return absl::OkStatus();
}

absl::Status AppendWindow::OnSealed(uint64_t length, uint32_t crc) {
  if (length != sent_.end || crc != sent_.crc) {
    return DataLossError("sealed with {} bytes (crc {:08x}), {} bytes (crc {:08x}) were sent",
                         length, crc, sent_.end, sent_.crc);
  }
  DropThrough(dropped_seq_ + next_to_send_, sent_);
  EndChunk(length);
  return absl::OkStatus();
}

absl::Status AppendWindow::OnResolved(uint64_t length, uint32_t crc, uint64_t last_seq) {
  const std::optional<Mark> mark = MarkOf(last_seq);
  if (!mark.has_value() || mark->end != length || mark->crc != crc) {
    return DataLossError(
        "sealed by force with {} bytes (crc {:08x}) up to piece {}, which is not "
        "what was sent",
        length, crc, last_seq);
  }
  DropThrough(last_seq, *mark);
  next_to_send_ = 0;
  EndChunk(length);
  return absl::OkStatus();
}

AppendWindow::Mark AppendWindow::After(const Mark& mark, const Piece& piece) const {
  return {.end = mark.end + piece.size(), .crc = ConcatCrc32c(mark.crc, piece.crc(), piece.size())};
}

std::optional<AppendWindow::Mark> AppendWindow::MarkOf(uint64_t seq) const {
  // Acks that come late repeat what is known; a server that has nothing of ours says 0 or base - 1.
  if (seq == dropped_seq_ || (seq < chunk_base_seq_ && dropped_seq_ < chunk_base_seq_)) {
    return acked_;
  }
  if (seq < dropped_seq_ || seq > dropped_seq_ + next_to_send_) return std::nullopt;
  Mark mark = acked_;
  for (size_t i = 0; i < seq - dropped_seq_; ++i) mark = After(mark, pieces_[i]);
  return mark;
}

void AppendWindow::DropThrough(uint64_t seq, const Mark& mark) {
  acked_ = mark;
  for (; dropped_seq_ < seq; ++dropped_seq_) {
    pieces_.pop_front();
    if (next_to_send_ > 0) --next_to_send_;
  }
}

void AppendWindow::EndChunk(uint64_t length) {
  in_chunk_ = false;
  chunk_start_ += length;
  acked_ = {};
  sent_ = {};
}

void AppendWindow::Validate() const {
  uint64_t bytes = chunk_start_ + acked_.end;
  Mark mark = acked_;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    if (pieces_[i].seq != dropped_seq_ + 1 + i) std::abort();
    if (i < next_to_send_) mark = After(mark, pieces_[i]);
    bytes += pieces_[i].size();
  }
  if (bytes != length_ || next_to_send_ > pieces_.size()) std::abort();
  if (mark.end != sent_.end || mark.crc != sent_.crc || sent_.end > chunk_size_) std::abort();
  if (!in_chunk_ && (next_to_send_ != 0 || sent_.end != 0)) std::abort();
}

}  // namespace quern::client
