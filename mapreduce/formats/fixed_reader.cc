#include "mapreduce/formats/fixed_reader.h"

#include <algorithm>
#include <utility>

namespace quern::mr {

namespace {

uint64_t RoundUp(uint64_t offset, uint64_t step) { return (offset + step - 1) / step * step; }

}  // namespace

FixedReader::FixedReader(ReadableFile* file, uint64_t offset, uint64_t length,
                         uint64_t record_bytes)
    : record_bytes_(record_bytes), position_(RoundUp(offset, record_bytes)) {
  const uint64_t end = std::max(RoundUp(offset + length, record_bytes), position_);
  stream_ = file->Stream(position_, end - position_);
}

FixedReader::FixedReader(std::unique_ptr<DecodedStream> contents, uint64_t record_bytes)
    : record_bytes_(record_bytes),
      position_(0),
      contents_(contents.get()),
      stream_(std::move(contents)) {}

bool FixedReader::EndAtDamage() {
  if (!std::exchange(damage_counted_, true)) SetAside(kBadMember);
  return false;
}

bool FixedReader::Next() {
  partial_.clear();
  while (partial_.size() < record_bytes_) {
    if (block_.empty()) {
      const auto block = stream_->Next();
      if (!block.ok()) return Fail(block.status());
      block_ = *block;
      if (block_.empty() && contents_ != nullptr && contents_->damaged()) return EndAtDamage();
      if (block_.empty() && partial_.empty()) return false;
      if (block_.empty()) {
        return Fail(
            DataLossError("last record has {} bytes of {}", partial_.size(), record_bytes_));
      }
    }
    const std::string_view part = block_.substr(0, record_bytes_ - partial_.size());
    block_.remove_prefix(part.size());
    if (part.size() == record_bytes_) {
      value_ = part;
      break;
    }
    partial_ += part;
    value_ = partial_;
  }
  offset_ = position_;
  position_ += record_bytes_;
  return true;
}

}  // namespace quern::mr
