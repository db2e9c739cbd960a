#include "mapreduce/formats/file_cursor.h"

#include <algorithm>

namespace quern::mr {

namespace {

constexpr uint64_t kAheadBytes = 256 << 10;

}  // namespace

void FileCursor::SeekTo(uint64_t offset) {
  if (offset >= offset_ && offset - offset_ <= at_hand_.size() && stream_ != nullptr) {
    return Skip(static_cast<size_t>(offset - offset_));
  }
  offset_ = offset;
  stream_.reset();
  at_hand_ = {};
}

absl::StatusOr<std::string_view> FileCursor::NextPiece() {
  const uint64_t from = offset_ + at_hand_.size();
  while (true) {
    if (stream_ != nullptr) {
      ASSIGN_OR_RETURN(const std::string_view piece, stream_->Next());
      if (!piece.empty()) return piece;
      if (from < std::min(stream_end_, file_->length())) {
        return DataLossError("ends at {}, was {} bytes long", from, file_->length());
      }
    }
    if (from >= file_->length()) return std::string_view();
    const uint64_t want = from < likely_end_ ? likely_end_ - from : kAheadBytes;
    stream_end_ = from + std::min(want, file_->length() - from);
    stream_ = file_->Stream(from, stream_end_ - from);
  }
}

absl::StatusOr<std::string_view> FileCursor::Peek(size_t want) {
  if (at_hand_.size() >= want) [[likely]]
    return at_hand_;
  if (at_hand_.empty()) {
    ASSIGN_OR_RETURN(at_hand_, NextPiece());
    if (at_hand_.size() >= want || at_hand_.empty()) return at_hand_;
  }
  spare_.assign(at_hand_);
  while (spare_.size() < want) {
    at_hand_ = spare_;  // what NextPiece goes on behind
    ASSIGN_OR_RETURN(const std::string_view piece, NextPiece());
    if (piece.empty()) break;
    spare_ += piece;
  }
  joined_.swap(spare_);
  at_hand_ = joined_;
  return at_hand_;
}

}  // namespace quern::mr
