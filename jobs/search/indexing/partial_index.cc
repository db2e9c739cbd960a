#define XXH_INLINE_ALL
#include "jobs/search/indexing/partial_index.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace quern::search {

namespace {

constexpr size_t kLinkBytes = 4;
constexpr uint32_t kSliceBytes[] = {8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
constexpr uint8_t kLastLevel = std::size(kSliceBytes) - 1;
constexpr size_t kFirstSlots = 1 << 12;
constexpr size_t kFirstArena = 1 << 20;

constexpr size_t kHeadBytes = 8;

uint64_t HeadOf(std::string_view term) {
  uint64_t head = 0;
  std::memcpy(&head, term.data(), std::min(term.size(), kHeadBytes));
  return head;
}

}  // namespace

uint32_t PartialIndex::HashOf(FieldNumber field, std::string_view term) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(term.data(), term.size(), field));
}

PartialIndex::PartialIndex() : slots_(kFirstSlots) {}
PartialIndex::~PartialIndex() = default;

size_t PartialIndex::bytes() const {
  return used_ + entries_.size() * sizeof(Entry) + slots_.size() * sizeof(Slot);
}

void PartialIndex::Clear() {
  entries_.clear();
  std::fill(slots_.begin(), slots_.end(), Slot());
  used_ = 0;
}

uint32_t PartialIndex::Allocate(size_t size) {
  if (size > arena_size_ - used_) {
    const size_t larger = std::max({kFirstArena, arena_size_ * 2, used_ + size});
    if (larger > UINT32_MAX) throw std::length_error("the documents of one run are too large");
    auto* const moved = static_cast<uint8_t*>(std::realloc(arena_.get(), larger));
    if (moved == nullptr) throw std::bad_alloc();
    static_cast<void>(arena_.release());
    arena_.reset(moved);
    arena_size_ = larger;
  }
  const size_t at = used_;
  used_ += size;
  return static_cast<uint32_t>(at);
}

void PartialIndex::GrowTable() {
  const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  const size_t mask = slots_.size() - 1;
  for (const Slot& moved : before) {
    if (moved.entry == 0) continue;
    size_t slot = moved.hash & mask;
    while (slots_[slot].entry != 0) slot = (slot + 1) & mask;
    slots_[slot] = moved;
  }
}

PartialIndex::Entry* PartialIndex::Find(FieldNumber field, std::string_view term, uint32_t hash) {
  const uint64_t head = HeadOf(term);
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot].entry != 0; slot = (slot + 1) & mask) {
    if (slots_[slot].hash != hash) continue;
    Entry& entry = entries_[slots_[slot].entry - 1];
    const bool same = entry.head == head && entry.term_bytes == term.size() &&
                      entry.field == field && (term.size() <= kHeadBytes || TermOf(entry) == term);
    if (same) return &entry;
  }
  Entry* const made = Insert(field, term, head);
  slots_[slot] = {hash, static_cast<uint32_t>(entries_.size())};
  if (entries_.size() * 2 > slots_.size()) GrowTable();
  return made;
}

PartialIndex::Entry* PartialIndex::Insert(FieldNumber field, std::string_view term, uint64_t head) {
  Entry entry;
  entry.head = head;
  entry.field = field;
  entry.term_bytes = static_cast<uint8_t>(term.size());
  entry.term = Allocate(term.size());
  std::memcpy(arena_.get() + entry.term, term.data(), term.size());
  entry.first = entry.at = Allocate(kSliceBytes[0] + kLinkBytes);
  entry.end = entry.at + kSliceBytes[0];
  entries_.push_back(entry);
  return &entries_.back();
}

void PartialIndex::PutByte(Entry* entry, uint8_t byte) {
  if (entry->at == entry->end) {
    if (entry->level < kLastLevel) ++entry->level;
    const uint32_t size = kSliceBytes[entry->level];
    const uint32_t next = Allocate(size + kLinkBytes);
    std::memcpy(arena_.get() + entry->end, &next, kLinkBytes);
    entry->at = next;
    entry->end = next + size;
  }
  arena_.get()[entry->at++] = byte;
}

void PartialIndex::Put(Entry* entry, uint32_t value) {
  for (; value >= 0x80; value >>= 7) PutByte(entry, static_cast<uint8_t>(value | 0x80));
  PutByte(entry, static_cast<uint8_t>(value));
}

void PartialIndex::Add(const Occurrence& occurrence, uint32_t hash) {
  Entry* const entry = Find(occurrence.field, occurrence.term, hash);
  if (entry->position == 0 || entry->doc != occurrence.doc) {
    if (entry->position != 0) PutByte(entry, 0);
    Put(entry, occurrence.doc - entry->doc);
    entry->doc = occurrence.doc;
    entry->position = 0;
  }
  Put(entry, occurrence.position + 1 - entry->position);
  entry->position = occurrence.position + 1;
}

void PartialIndex::ReadChunk(Entry* entry, std::string* chunk) {
  PutByte(entry, 0);
  uint32_t slice = entry->first;
  for (uint8_t level = 0;; level = std::min<uint8_t>(level + 1, kLastLevel)) {
    const uint32_t end = slice + kSliceBytes[level];
    const char* const bytes = reinterpret_cast<const char*>(arena_.get()) + slice;
    if (end == entry->end) {
      chunk->append(bytes, entry->at - slice);
      return;
    }
    chunk->append(bytes, kSliceBytes[level]);
    std::memcpy(&slice, arena_.get() + end, kLinkBytes);
  }
}

bool ChunkReader::Next() {
  if (in_.done()) return false;
  doc_ += in_.Varint32();
  // The first byte of a number is 0 only for the number 0, which ends them.
  const uint8_t* const begin = in_.at();
  size_t size = 0;
  for (bool first = true; size < in_.left(); ++size) {
    if (first && begin[size] == 0) break;
    first = begin[size] < 0x80;
  }
  positions_ = in_.Bytes(size + 1);
  if (!in_.ok() || size == 0) throw std::runtime_error("a damaged chunk of postings");
  return true;
}

void ChunkReader::ReadPositions(std::string_view bytes, std::vector<uint32_t>* positions) {
  positions->clear();
  ByteReader in(bytes);
  uint32_t next = 0;
  for (uint32_t gap = in.Varint32(); gap != 0; gap = in.Varint32()) {
    next += gap;
    positions->push_back(next - 1);
  }
}

}  // namespace quern::search
