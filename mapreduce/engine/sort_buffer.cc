#include "mapreduce/engine/sort_buffer.h"

#include <algorithm>
#include <utility>

#include "mapreduce/engine/key_prefix.h"
#include "mapreduce/engine/no_record.h"

namespace quern::mr {

namespace {

// Small enough that its records are still in the cache when they are indexed.
constexpr size_t kWindowBytes = 64 << 10;
constexpr size_t kMinWindowBytes = 4 << 10;
constexpr size_t kMaxCommonStart = 256;
// Offsets into the arena have 32 bits.
constexpr size_t kMaxCapacity = (size_t{4} << 30) - (1 << 20);

}  // namespace

absl::Status NoSuchPartition(uint32_t partition, uint32_t partitions) {
  return OfNoRecord(
      InvalidArgumentError("the partitioner answered {} of {} partitions", partition, partitions));
}

SortBuffer::SortBuffer(size_t capacity_bytes)
    : arena_(std::min(capacity_bytes, kMaxCapacity)),
      index_(arena_.size() / 2),
      scratch_(arena_.size() / 2) {}

std::span<char> SortBuffer::Window(size_t need) {
  const size_t used = used_ + count_ * kIndexBytes;
  const size_t left = capacity() - std::min(used, capacity());
  // The smallest record takes its header in the arena and kIndexBytes of index: a window may fill
  // with those.
  constexpr size_t kWorstFactor = 1 + kIndexBytes / EmitBuffer::kRecordHeaderBytes;
  size_t bytes = std::min(kWindowBytes, left / kWorstFactor);
  if (bytes < need || bytes < kMinWindowBytes) {
    if (need + kIndexBytes > left || need < kMinWindowBytes) return {};
    bytes = need;  // room for this one record
  }
  const size_t most_records = bytes == need ? 1 : bytes / EmitBuffer::kRecordHeaderBytes;
  Touch(used_ + bytes, (count_ + most_records) * kIndexBytes);
  return {arena_.data() + used_, bytes};
}

void SortBuffer::Touch(size_t arena_bytes, size_t index_bytes) {
  // Records of another shape than in the last round: what that round touched and this one does not
  // need goes back to the system.
  if (std::max(arena_bytes, arena_touched_) + std::max(index_bytes, index_touched_) > capacity()) {
    arena_.Trim(used_);
    index_.Trim(count_ * sizeof(IndexEntry));
    scratch_.Trim(count_ * sizeof(IndexEntry));
    arena_touched_ = used_;
    index_touched_ = count_ * kIndexBytes;
  }
  arena_touched_ = std::max(arena_touched_, arena_bytes);
  index_touched_ = std::max(index_touched_, index_bytes);
}

absl::Status SortBuffer::Commit(const char* end, const Partitioner& partitioner,
                                uint32_t partitions) {
  const size_t stop = static_cast<size_t>(end - arena_.data());
  if (count_ == 0) FindCommonStart(stop);
  IndexEntry* next = index() + count_;
  while (used_ < stop) {
    const char* const record = arena_.data() + used_;
    uint32_t sizes[2];
    std::memcpy(sizes, record, sizeof(sizes));
    const std::string_view key(record + EmitBuffer::kRecordHeaderBytes, sizes[0]);
    if (!common_start_.empty() && !key.starts_with(common_start_)) [[unlikely]] {
      ShortenCommonStart(key, {index(), next});
    }
    const uint32_t partition = partitions == 1 ? 0 : partitioner.Partition(key, partitions);
    if (partition >= partitions) return NoSuchPartition(partition, partitions);
    next->prefix = KeyPrefix(key.substr(common_start_.size()));
    next->offset = static_cast<uint32_t>(used_);
    next->partition = partition & (kMaxPartitions - 1);
    next->key_size = std::min<uint32_t>(sizes[0], 255) & 255;
    ++next;
    used_ += EmitBuffer::kRecordHeaderBytes + sizes[0] + sizes[1];
  }
  count_ = static_cast<size_t>(next - index());
  return absl::OkStatus();
}

std::string_view SortBuffer::KeyAt(size_t offset) const {
  uint32_t size = 0;
  std::memcpy(&size, arena_.data() + offset, sizeof(size));
  return {arena_.data() + offset + EmitBuffer::kRecordHeaderBytes, size};
}

void SortBuffer::FindCommonStart(size_t stop) {
  common_start_.clear();
  shortened_ = false;
  if (used_ == stop) return;
  std::string_view common = KeyAt(used_).substr(0, kMaxCommonStart);
  for (size_t at = used_; at < stop && !common.empty();) {
    common = common.substr(0, CommonStart(common, KeyAt(at)));
    uint32_t sizes[2];
    std::memcpy(sizes, arena_.data() + at, sizeof(sizes));
    at += EmitBuffer::kRecordHeaderBytes + sizes[0] + sizes[1];
  }
  common_start_ = common;
}

// The prefixes so far are taken anew: once, and once more for the second key that does not fit, so
// that many such keys cost no more than two.
void SortBuffer::ShortenCommonStart(std::string_view key, std::span<IndexEntry> entries) {
  common_start_.resize(std::exchange(shortened_, true) ? 0 : CommonStart(common_start_, key));
  for (IndexEntry& entry : entries) {
    entry.prefix = KeyPrefix(KeyAt(entry.offset).substr(common_start_.size()));
  }
}

void SortBuffer::Sort() {
  sorted_ = SortIndex({index(), count_}, {scratch(), count_}, arena_.data(), common_start_.size());
}

void SortBuffer::Clear() {
  used_ = 0;
  count_ = 0;
  sorted_ = {};
}

}  // namespace quern::mr
