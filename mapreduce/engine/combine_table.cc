#include "mapreduce/engine/combine_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "mapreduce/api/emit_buffer.h"

namespace quern::mr {

namespace {

constexpr size_t kFirstSlots = 1024;
constexpr size_t kStep = 8;

uint32_t Steps(size_t bytes) { return static_cast<uint32_t>((bytes + kStep - 1) / kStep); }

// memcmp for short strings of equal length.
bool EqualBytes(const char* a, const char* b, size_t size) {
  const auto differ = [&](size_t at, auto word) {
    auto other = word;
    std::memcpy(&word, a + at, sizeof(word));
    std::memcpy(&other, b + at, sizeof(other));
    return word != other;
  };
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return !differ(0, uint64_t{}) && !differ(size - 8, uint64_t{});
  if (size >= 4) return !differ(0, uint32_t{}) && !differ(size - 4, uint32_t{});
  if (size == 0) return true;
  return a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1];
}

}  // namespace

// A quarter of the memory for slots and the list of entries, the rest for the arena.
CombineTable::CombineTable(size_t capacity_bytes)
    : max_slots_(std::max(std::bit_floor(capacity_bytes / 4 / (sizeof(Slot) + sizeof(Offset))),
                          kFirstSlots)),
      arena_(std::min(capacity_bytes / 4 * 3, size_t{1} << 34)),
      arena_base_(arena_.data()),
      arena_limit_(static_cast<Offset>(arena_.size() / kStep)),
      slots_(kFirstSlots),
      mask_(kFirstSlots - 1) {}

uint32_t CombineTable::Hash(std::string_view key) {
  return static_cast<uint32_t>(XXH3_64bits(key.data(), key.size()));
}

CombineTable::Offset CombineTable::FirstRunOf(Offset entry, uint32_t key_size) {
  return entry + Steps(sizeof(Entry) + key_size);
}

std::string_view CombineTable::KeyOf(Offset entry) const {
  const Entry* const at = At<Entry>(entry);
  return {reinterpret_cast<const char*>(at + 1), at->key_size};
}

std::string_view CombineTable::ValueOf(Offset run) const {
  const Run* const at = At<Run>(run);
  return {reinterpret_cast<const char*>(at + 1), at->value_size};
}

bool CombineTable::Add(uint32_t hash, std::string_view key, std::string_view value) {
  Slot* const slot = FindSlot(hash, key);
  const bool added =
      slot->entry == 0 ? AddEntry(slot, hash, key, value) : AddValue(slot->entry, value);
  records_ += added;
  return added;
}

// The slot of the key, or the free one that it would take.
CombineTable::Slot* CombineTable::FindSlot(uint32_t hash, std::string_view key) {
  for (uint32_t at = hash & mask_;; at = (at + 1) & mask_) {
    Slot* const slot = &slots_[at];
    if (slot->entry == 0) return slot;
    if (slot->hash != hash) continue;
    const std::string_view found = KeyOf(slot->entry);
    if (found.size() == key.size() && EqualBytes(found.data(), key.data(), key.size())) return slot;
  }
}

bool CombineTable::AddEntry(Slot* slot, uint32_t hash, std::string_view key,
                            std::string_view value) {
  const size_t steps =
      size_t{Steps(sizeof(Entry) + key.size())} + Steps(sizeof(Run) + value.size());
  // Two thirds of the slots at most, so that probes stay short.
  const bool crowded = (groups_ + 1) * 3 > slots_.size() * 2;
  if (steps > arena_limit_ - used_ || (crowded && slots_.size() >= max_slots_)) return false;
  if (crowded) {
    Grow();
    slot = FindSlot(hash, key);
  }
  const Offset entry = used_;
  used_ += static_cast<Offset>(steps);
  const Offset run = FirstRunOf(entry, static_cast<uint32_t>(key.size()));
  *At<Entry>(entry) = {static_cast<uint32_t>(key.size()), run};
  std::memcpy(At<Entry>(entry) + 1, key.data(), key.size());
  WriteRun(run, value);
  *slot = {hash, entry};
  entries_.push_back(entry);
  ++groups_;
  return true;
}

bool CombineTable::AddValue(Offset entry_offset, std::string_view value) {
  Entry* const entry = At<Entry>(entry_offset);
  Run* const last = At<Run>(entry->last_run);
  if (last->value_size == value.size() &&
      EqualBytes(reinterpret_cast<const char*>(last + 1), value.data(), value.size())) {
    ++last->repeats;
    return true;
  }
  const uint32_t steps = Steps(sizeof(Run) + value.size());
  if (steps > arena_limit_ - used_) return false;
  WriteRun(used_, value);
  last->next = used_;
  entry->last_run = used_;
  used_ += steps;
  return true;
}

void CombineTable::WriteRun(Offset at, std::string_view value) {
  *At<Run>(at) = {1, static_cast<uint32_t>(value.size()), 0};
  internal::CopyShort(reinterpret_cast<char*>(At<Run>(at) + 1), value.data(), value.size());
}

void CombineTable::Grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.size() * 2, Slot{});
  mask_ = static_cast<uint32_t>(slots_.size() - 1);
  for (const Slot& slot : old) {
    if (slot.entry == 0) continue;
    uint32_t at = slot.hash & mask_;
    while (slots_[at].entry != 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

void CombineTable::Clear() {
  std::fill(slots_.begin(), slots_.end(), Slot{});
  entries_.clear();
  used_ = 1;
  groups_ = 0;
  records_ = 0;
}

bool CombineTable::GroupCursor::NextGroup() {
  if (next_group_ == table_->entries_.size()) return false;
  const Offset entry = table_->entries_[next_group_++];
  const std::string_view key = table_->KeyOf(entry);
  StartGroup(key);
  first_run_ = next_run_ = FirstRunOf(entry, static_cast<uint32_t>(key.size()));
  return NextRun();
}

bool CombineTable::GroupCursor::NextRun() {
  if (next_run_ == 0) return false;
  const Run* const run = table_->At<Run>(next_run_);
  SetRun(table_->ValueOf(next_run_), run->repeats);
  next_run_ = run->next;
  return true;
}

bool CombineTable::GroupCursor::single() const {
  const Run* const run = table_->At<Run>(first_run_);
  return run->repeats == 1 && run->next == 0;
}

std::string_view CombineTable::GroupCursor::only_value() const {
  return table_->ValueOf(first_run_);
}

}  // namespace quern::mr
