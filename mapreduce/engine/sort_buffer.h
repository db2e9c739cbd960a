// Records of one map task in memory: an arena of records and an index over it that is sorted.
//
//   arena    record | record | ...            as EmitBuffer wrote them
//   index    {prefix, offset, partition} ...  in the order of the emits
//   scratch  as long as the index, for sorting
//
// Invariant: what has ever been touched of the three together stays within the capacity.
// Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/index_sort.h"
#include "mapreduce/engine/mapped_memory.h"
#include "mapreduce/engine/partitioner.h"

namespace quern::mr {

// InvalidArgument: a partitioner answered so. It is asked about records that came before.
absl::Status NoSuchPartition(uint32_t partition, uint32_t partitions);

class SortBuffer {
 public:
  explicit SortBuffer(size_t capacity_bytes);

  // Memory for the next records, at least `need` bytes of it, directly behind the last record.
  // Empty when the buffer is full. Fits at least the first record of half the capacity.
  std::span<char> Window(size_t need);
  // Takes over the records that were written into the window, up to `end`. InvalidArgument when the
  // partitioner answers with a number that is none.
  absl::Status Commit(const char* end, const Partitioner& partitioner, uint32_t partitions);

  size_t records() const { return count_; }
  size_t capacity() const { return arena_.size(); }

  // Then ForEach visits the records by partition, key and order of emit.
  void Sort();
  // visit(partition, key, value) -> absl::Status; ends with the first error.
  template <typename Visit>
  absl::Status ForEach(Visit visit) const;

  // Keeps the memory for the next round.
  void Clear();

 private:
  static constexpr size_t kIndexBytes = 2 * sizeof(IndexEntry);  // of one record, scratch included

  IndexEntry* index() { return reinterpret_cast<IndexEntry*>(index_.data()); }
  IndexEntry* scratch() { return reinterpret_cast<IndexEntry*>(scratch_.data()); }
  void Touch(size_t arena_bytes, size_t index_bytes);
  std::string_view KeyAt(size_t offset) const;
  void FindCommonStart(size_t stop);
  void ShortenCommonStart(std::string_view key, std::span<IndexEntry> entries);

  MappedMemory arena_;
  MappedMemory index_;
  MappedMemory scratch_;
  size_t used_ = 0;   // bytes of committed records in the arena
  size_t count_ = 0;  // entries of the index
  size_t arena_touched_ = 0;
  size_t index_touched_ = 0;
  std::span<const IndexEntry> sorted_;
  // What all keys begin with: their prefixes are taken behind it. Found in the first window.
  std::string common_start_;
  bool shortened_ = false;
};

template <typename Visit>
absl::Status SortBuffer::ForEach(Visit visit) const {
  constexpr size_t kAhead = 16;  // records whose cache misses overlap
  for (size_t i = 0; i < sorted_.size(); ++i) {
    if (i + kAhead < sorted_.size()) {
      __builtin_prefetch(arena_.data() + sorted_[i + kAhead].offset);
      __builtin_prefetch(arena_.data() + sorted_[i + kAhead].offset + 64);
    }
    const char* const record = arena_.data() + sorted_[i].offset;
    uint32_t sizes[2];
    std::memcpy(sizes, record, sizeof(sizes));
    const char* const key = record + EmitBuffer::kRecordHeaderBytes;
    RETURN_IF_ERROR(visit(uint32_t{sorted_[i].partition}, std::string_view(key, sizes[0]),
                          std::string_view(key + sizes[0], sizes[1])));
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
