#include "common/records/block_scanner.h"

#include <algorithm>
#include <utility>

#include "common/crc32c.h"

namespace quern {

BlockScanner::BlockScanner(PeekableFile* file, uint64_t begin, uint64_t end)
    : file_(file), end_(end), expected_(begin == 0 && end > 0) {
  file_->SeekTo(begin);
}

// Goes to the first mark at or behind the present place, by looking at every byte.
absl::StatusOr<bool> BlockScanner::FindMark() {
  while (file_->offset() < end_) {
    ASSIGN_OR_RETURN(const std::string_view bytes, file_->Peek(kRecordMark.size()));
    if (bytes.size() < kRecordMark.size()) return false;
    const size_t at = bytes.find(kRecordMark);
    // The last bytes are looked at again together with those behind them.
    file_->Skip(at != std::string_view::npos ? at : bytes.size() - kRecordMark.size() + 1);
    if (at != std::string_view::npos) return file_->offset() < end_;
  }
  return false;
}

absl::StatusOr<bool> BlockScanner::Next() {
  if (inside_) file_->SeekTo(block_offset_ + header_.block_bytes());
  inside_ = false;
  while (true) {
    ASSIGN_OR_RETURN(std::string_view bytes, file_->Peek(kRecordHeaderBytes));
    if (bytes.empty()) return false;
    const bool has_mark = bytes.starts_with(kRecordMark);
    // Whoever reads the piece that begins before a lost mark finds the next one and does not miss
    // this: it is counted where the block before it ends, be that behind the end of the piece.
    if (!has_mark && std::exchange(expected_, false)) ++damaged_;
    if (file_->offset() >= end_) return false;
    if (!has_mark) {
      ASSIGN_OR_RETURN(const bool found, FindMark());
      if (!found) return false;
      ASSIGN_OR_RETURN(bytes, file_->Peek(kRecordHeaderBytes));
    }
    block_offset_ = file_->offset();
    const auto header = ParseRecordBlockHeader(bytes);
    if (header.has_value()) {
      header_ = *header;
      file_->Skip(kRecordHeaderBytes);
      left_ = header_.stored_bytes;
      crc_ = 0;
      inside_ = true;
      expected_ = true;
      return true;
    }
    GiveUp();
  }
}

void BlockScanner::GiveUp() {
  ++damaged_;
  inside_ = false;
  expected_ = false;
  file_->SeekTo(block_offset_ + 1);
}

absl::StatusOr<std::string_view> BlockScanner::Read() {
  ASSIGN_OR_RETURN(const std::string_view bytes, file_->Peek(header_.stored_bytes));
  const auto records = OpenRecordBlock(header_, bytes.substr(0, header_.stored_bytes), &buffer_);
  if (records.has_value()) return *records;
  GiveUp();
  return std::string_view();
}

absl::StatusOr<std::string_view> BlockScanner::ReadPart() {
  if (left_ == 0) return std::string_view();
  ASSIGN_OR_RETURN(std::string_view bytes, file_->Peek(1));
  bytes = bytes.substr(0, left_);
  crc_ = ExtendCrc32c(crc_, bytes.data(), bytes.size());
  left_ -= bytes.size();
  if (header_.mask != 0) {
    buffer_.assign(bytes);
    for (char& c : buffer_) c = static_cast<char>(c ^ header_.mask);
    file_->Skip(bytes.size());
    return std::string_view(buffer_);
  }
  file_->Skip(bytes.size());
  return bytes;
}

}  // namespace quern
