#include "mapreduce/formats/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace quern::mr {

namespace {

// What is read first behind the end of a piece to complete its last line. More each time.
constexpr uint64_t kFirstTailBytes = 16 << 10;
constexpr uint64_t kMaxTailBytes = 4 << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

const char* FindLineFeed(const char* begin, const char* end) {
  return static_cast<const char*>(std::memchr(begin, '\n', static_cast<size_t>(end - begin)));
}

}  // namespace

LineReader::LineReader(const ReadOptions& options, std::unique_ptr<DecodedStream> contents)
    : file_(nullptr),
      contents_(contents.get()),
      stream_(std::move(contents)),
      most_bytes_(options.most_bytes),
      partial_(options.scratch_dir, options.memory_bytes),
      tail_bytes_(kFirstTailBytes) {}

// The byte before the piece says whether a line starts at its first byte.
LineReader::LineReader(const ReadOptions& options, ReadableFile* file, uint64_t offset,
                       uint64_t length)
    : file_(file),
      stream_(file->Stream(offset == 0 ? 0 : offset - 1, offset == 0 ? length : length + 1)),
      end_(offset + length),
      skip_first_(offset > 0),
      most_bytes_(options.most_bytes),
      position_(offset == 0 ? 0 : offset - 1),
      partial_(options.scratch_dir, options.memory_bytes),
      tail_bytes_(kFirstTailBytes) {}

bool LineReader::Next() {
  if (at_ != nullptr) [[likely]] {
    const char* const line_feed = FindLineFeed(at_, block_end_);
    if (line_feed != nullptr && !skip_first_) [[likely]] {
      const size_t size = static_cast<size_t>(line_feed - at_);
      value_ = {at_, size};
      offset_ = position_;
      position_ += size + 1;
      at_ = line_feed + 1;
      return true;
    }
  }
  return NextSlow();
}

bool LineReader::LoadBlock() {
  const auto block = stream_->Next();
  if (!block.ok()) return Fail(block.status());
  at_ = block->data();
  block_end_ = block->data() + block->size();
  return !block->empty();
}

// Goes on behind the end of the piece; false at the end of the file.
bool LineReader::ReadTail() {
  if (file_ == nullptr || end_ >= file_->length()) return false;
  reading_tail_ = true;
  stream_ = file_->Stream(end_, tail_bytes_);
  end_ += tail_bytes_;
  tail_bytes_ = std::min(tail_bytes_ * 4, kMaxTailBytes);
  return LoadBlock();
}

// At the end of the contents.
bool LineReader::EndsAtDamage() {
  if (contents_ == nullptr || !contents_->damaged()) return false;
  if (!std::exchange(damage_counted_, true)) SetAside(kBadMember);
  return true;
}

// Drops everything up to the first line feed. False when no line starts in this piece.
bool LineReader::SkipFirst() {
  skip_first_ = false;
  while (at_ != block_end_ || LoadBlock()) {
    const char* const line_feed = FindLineFeed(at_, block_end_);
    const char* const next = line_feed == nullptr ? block_end_ : line_feed + 1;
    position_ += static_cast<uint64_t>(next - at_);
    at_ = next;
    if (line_feed != nullptr) return true;
  }
  return false;
}

bool LineReader::NextSlow() {
  if (!ReadLine()) return false;
  if (offset_ == 0 && value_.starts_with(kByteOrderMark)) {
    value_.remove_prefix(kByteOrderMark.size());
  }
  return true;
}

// A line that is not finished in this block, or the first one.
bool LineReader::ReadLine() {
  if (!status_.ok() || reading_tail_) return false;
  if (skip_first_ && !SkipFirst()) return false;
  partial_.Clear();
  uint64_t start = position_;
  while (true) {
    if (at_ == block_end_ && !LoadBlock()) {
      if (!status_.ok() || EndsAtDamage() || (partial_.empty() && position_ == start)) return false;
      if (!ReadTail()) return status_.ok() && TakePartial(start);
    }
    const char* const line_feed = FindLineFeed(at_, block_end_);
    const char* const stop = line_feed == nullptr ? block_end_ : line_feed;
    const std::string_view part(at_, static_cast<size_t>(stop - at_));
    at_ = line_feed == nullptr ? block_end_ : line_feed + 1;
    position_ += part.size() + (line_feed != nullptr);
    if (line_feed != nullptr && partial_.empty()) {
      value_ = part;
      offset_ = start;
      return true;
    }
    if (partial_.size() + part.size() > most_bytes_) {
      if (!PassOverLine(line_feed != nullptr)) return false;
      start = position_;
      continue;
    }
    if (const absl::Status status = partial_.Append(part); !status.ok()) return Fail(status);
    if (line_feed != nullptr) return TakePartial(start);
  }
}

// The present line is too long to be a record. False when no other line starts in this piece.
bool LineReader::PassOverLine(bool is_at_its_end) {
  SetAside(kTooLargeReason);
  partial_.Clear();
  if (reading_tail_) {
    at_ = block_end_ = nullptr;  // the next lines belong to the next piece
    return false;
  }
  if (is_at_its_end || SkipFirst()) return true;
  if (status_.ok()) EndsAtDamage();
  return false;
}

bool LineReader::TakePartial(uint64_t start) {
  const auto line = partial_.View();
  if (!line.ok()) return Fail(line.status());
  value_ = *line;
  offset_ = start;
  if (reading_tail_) at_ = block_end_ = nullptr;  // the next lines belong to the next piece
  return true;
}

}  // namespace quern::mr
