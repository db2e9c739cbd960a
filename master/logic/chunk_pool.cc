#include "master/logic/chunk_pool.h"

#include <cstdlib>
#include <utility>

#include "common/inventory_digest.h"

namespace quern::master {
namespace {

// The low bits of the hash choose the bucket of the inventory, and so are the same in a whole pool.
uint64_t HashOf(uint64_t id) { return MixBits(id); }
uint32_t TagOf(uint64_t hash) { return static_cast<uint32_t>(hash >> 54); }

}  // namespace

size_t ChunkPool::Home(uint64_t hash) const {
  const uint64_t middle = hash >> 16 & 0xffffffff;
  return static_cast<size_t>(middle * entries_.size() >> 32);
}

size_t ChunkPool::PlaceOf(ChunkId id) const {
  const uint64_t hash = HashOf(id.value());
  size_t place = Home(hash);
  while (true) {
    const uint32_t entry = entries_[place];
    if (entry == kEmpty) return place;
    if (entry >> kSlotBits == TagOf(hash) && (*this)[entry & kNoSlot].id == id.value()) {
      return place;
    }
    if (++place == entries_.size()) place = 0;
  }
}

uint32_t ChunkPool::Find(ChunkId id) const {
  if (entries_.empty()) return kNoSlot;
  const uint32_t entry = entries_[PlaceOf(id)];
  return entry == kEmpty ? kNoSlot : entry & kNoSlot;
}

// At most four fifths full; growing by a quarter keeps it at two thirds or more, whatever its size.
void ChunkPool::Grow() {
  if ((size_ + 1) * 5 <= entries_.size() * 4) return;
  const std::vector<uint32_t> old =
      std::exchange(entries_, std::vector<uint32_t>(entries_.size() * 5 / 4 + 8, kEmpty));
  for (const uint32_t entry : old) {
    if (entry != kEmpty) entries_[PlaceOf(ChunkId((*this)[entry & kNoSlot].id))] = entry;
  }
}

uint32_t ChunkPool::Add(ChunkId id) {
  Grow();
  uint32_t slot = free_;
  if (slot != kNoSlot) {
    free_ = (*this)[slot].crc;
  } else {
    slot = used_;
    if (slot == kNoSlot) std::abort();  // a master of four billion chunks
    if (slot % kBlock == 0) blocks_.emplace_back(new ChunkRecord[kBlock]);
    ++used_;
  }
  ChunkRecord& record = (*this)[slot];
  record = ChunkRecord{};
  record.id = id.value() & ((uint64_t{1} << 48) - 1);
  entries_[PlaceOf(id)] = TagOf(HashOf(id.value())) << kSlotBits | slot;
  ++size_;
  return slot;
}

void ChunkPool::Remove(uint32_t slot) {
  ChunkRecord& record = (*this)[slot];
  size_t hole = PlaceOf(ChunkId(record.id));
  // Entries behind the hole that would not be found any more move up.
  for (size_t place = hole;;) {
    if (++place == entries_.size()) place = 0;
    const uint32_t entry = entries_[place];
    if (entry == kEmpty) break;
    const size_t home = Home(HashOf((*this)[entry & kNoSlot].id));
    const bool reaches_over =
        hole < place ? home <= hole || home > place : home <= hole && home > place;
    if (!reaches_over) continue;
    entries_[hole] = entry;
    hole = place;
  }
  entries_[hole] = kEmpty;
  record.id = 0;
  record.crc = free_;
  free_ = slot;
  --size_;
}

absl::Status ChunkPool::Validate() const {
  size_t entries = 0;
  for (const uint32_t entry : entries_) {
    if (entry == kEmpty) continue;
    ++entries;
    const uint32_t slot = entry & kNoSlot;
    if (slot >= used_ || (*this)[slot].id == 0) return InternalError("slot {} is free", slot);
    if (Find(ChunkId((*this)[slot].id)) != slot) return InternalError("slot {} is lost", slot);
  }
  size_t records = 0;
  for (uint32_t slot = 0; slot < used_; ++slot) records += (*this)[slot].id != 0 ? 1 : 0;
  size_t free = 0;
  for (uint32_t slot = free_; slot != kNoSlot; slot = (*this)[slot].crc) ++free;
  if (entries != size_ || records != size_ || size_ + free != used_) {
    return InternalError("{} records, {} entries, {} free slots of {}, {} counted", records,
                         entries, free, used_, size_);
  }
  return absl::OkStatus();
}

}  // namespace quern::master
