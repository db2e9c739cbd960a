// Packed records of chunks, found by their id or by their slot.
//
// A record takes 24 bytes and stays in its slot as long as its chunk lives. Ids are found through a
// hash table of 4 bytes an entry: 22 bits of slot, 10 of the id's hash, so that a strange record is
// hardly ever looked at. At most 4 million records. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/ids.h"
#include "common/status.h"

namespace quern::master {

struct ChunkRecord {
  uint64_t id : 48;  // 0: a free slot
  uint64_t wanted : 7;
  uint64_t state : 2;
  uint64_t clean : 1;
  // Replicas below, or kElsewhere.
  uint64_t count : 2;
  uint64_t elsewhere : 1;
  uint64_t : 3;
  // Three replicas of 20 bits.
  uint64_t replicas : 60;
  uint64_t length_high : 4;
  uint32_t length_low;
  uint32_t crc;

  uint64_t length() const { return uint64_t{length_high} << 32 | length_low; }
  void set_length(uint64_t length) {
    length_low = static_cast<uint32_t>(length);
    length_high = length >> 32 & 0xf;
  }
};
static_assert(sizeof(ChunkRecord) == 24);

class ChunkPool {
 public:
  static constexpr uint32_t kSlotBits = 22;
  static constexpr uint32_t kNoSlot = (uint32_t{1} << kSlotBits) - 1;

  // kNoSlot when there is none.
  uint32_t Find(ChunkId id) const;
  // The slot of a new record, all zero but for its id, which must not be there yet.
  uint32_t Add(ChunkId id);
  void Remove(uint32_t slot);

  ChunkRecord& operator[](uint32_t slot) { return blocks_[slot / kBlock][slot % kBlock]; }
  const ChunkRecord& operator[](uint32_t slot) const {
    return blocks_[slot / kBlock][slot % kBlock];
  }
  size_t size() const { return size_; }
  // Slots below this have been used; those whose id is 0 are free again.
  uint32_t end() const { return used_; }

  // Internal: what is wrong. For tests.
  absl::Status Validate() const;

 private:
  static constexpr uint32_t kBlock = 256;
  static constexpr uint32_t kEmpty = UINT32_MAX;

  size_t Home(uint64_t hash) const;
  // The place of the id's entry, or of the empty one where it would be.
  size_t PlaceOf(ChunkId id) const;
  void Grow();

  std::vector<std::unique_ptr<ChunkRecord[]>> blocks_;
  uint32_t used_ = 0;
  // A list of free slots; each holds the next one in its crc.
  uint32_t free_ = kNoSlot;
  std::vector<uint32_t> entries_;
  size_t size_ = 0;
};

}  // namespace quern::master
