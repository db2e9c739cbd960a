#include "mapreduce/engine/sort_buffer.h"

#include <algorithm>

#include "mapreduce/engine/key_prefix.h"

namespace quern::mr {

namespace {

// Small enough that its records are still in the cache when they are indexed.
constexpr size_t kWindowBytes = 64 << 10;
constexpr size_t kMinWindowBytes = 4 << 10;
// Offsets into the arena have 32 bits.
constexpr size_t kMaxCapacity = (size_t{4} << 30) - (1 << 20);

}  // namespace

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
  IndexEntry* next = index() + count_;
  while (used_ < stop) {
    const char* const record = arena_.data() + used_;
    uint32_t sizes[2];
    std::memcpy(sizes, record, sizeof(sizes));
    const std::string_view key(record + EmitBuffer::kRecordHeaderBytes, sizes[0]);
    const uint32_t partition = partitions == 1 ? 0 : partitioner.Partition(key, partitions);
    if (partition >= partitions) {
      return InvalidArgumentError("the partitioner answered {} of {} partitions", partition,
                                  partitions);
    }
    next->prefix = KeyPrefix(key);
    next->offset = static_cast<uint32_t>(used_);
    next->partition = partition & (kMaxPartitions - 1);
    next->key_size = std::min<uint32_t>(sizes[0], 255) & 255;
    ++next;
    used_ += EmitBuffer::kRecordHeaderBytes + sizes[0] + sizes[1];
  }
  count_ = static_cast<size_t>(next - index());
  return absl::OkStatus();
}

void SortBuffer::Sort() {
  sorted_ = SortIndex({index(), count_}, {scratch(), count_}, arena_.data());
}

void SortBuffer::Clear() {
  used_ = 0;
  count_ = 0;
  sorted_ = {};
}

}  // namespace quern::mr
