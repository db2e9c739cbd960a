// Groups records by key in a bounded hash table, so that a combiner can run before anything is
// sorted.
//
//   slot   {first and last 8 bytes of key, entry, key size, repeats}   open addressing
//   entry  {key size, first run, last run} key                        in one arena, 8-byte steps
//   run    {repeats, value size, next run} value
//
// The cost of a record is the cache misses it makes, so keys of up to 16 bytes are recognized by
// their slot alone. The first value that comes is taken to be the common one ("1", say): a slot
// only counts how often its key came with it. Other values are chained in their order, equal
// neighbours as one run. With a fold, other values are added to the key's state at once: an entry's
// "run" is its state then. Used by one thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/engine/fold.h"
#include "mapreduce/engine/group_source.h"
#include "mapreduce/engine/mapped_memory.h"

namespace quern::mr {

class CombineTable {
 public:
  // Content with an eighth of the memory until Widen.
  explicit CombineTable(size_t capacity_bytes, Fold* fold = nullptr);

  // Views handed to this class must have 8 readable bytes from their start on, however short they
  // are: that makes looking at them free of branches.
  static constexpr size_t kReadableBytes = 8;

  // What is looked at to find a key.
  struct Probe {
    uint64_t first;  // 8 bytes, filled up with zeros
    uint64_t last;   // 8 bytes of keys above 8, else 0
    uint64_t hash;
  };
  static Probe MakeProbe(std::string_view key) {
    const size_t size = key.size();
    const bool is_long = size > 8;
    // Chosen by arithmetic: the lengths of words cannot be foretold, and a wrong guess would cost
    // as much as all the rest.
    const uint64_t first = LoadWord(key.data()) & MaskOf(is_long ? 8 : size);
    const uint64_t last = LoadWord(key.data() + (is_long ? size - 8 : 0)) & MaskOf(is_long ? 8 : 0);
    return {first, last, size <= 16 ? HashShort(first, last, size) : HashLong(key)};
  }
  // Brings the slot into the cache.
  void Prefetch(const Probe& probe) const { __builtin_prefetch(&slots()[probe.hash & mask_], 1); }
  // False when the table is full; nothing was added then.
  bool Add(const Probe& probe, std::string_view key, std::string_view value);

  // Takes all of its memory from now on; false when it has it already.
  bool Widen();

  uint64_t records() const { return records_; }
  size_t groups() const { return groups_; }
  // Keeps the memory.
  void Clear();

  // The keys one after another, in no particular order.
  class GroupCursor;

 private:
  // Offsets into the arena count in steps of 8 bytes; 0 is "none".
  using Offset = uint32_t;
  static constexpr int kOffsetBits = 24;
  struct Slot {
    uint64_t first = 0;
    uint64_t last = 0;
    uint32_t entry : kOffsetBits = 0;  // 0: a free slot
    uint32_t key_size : 8 = 0;         // 255: that or more
    uint32_t repeats = 0;              // of the common value
  };
  static_assert(sizeof(Slot) == 24);
  struct Entry {
    uint32_t key_size;
    Offset first_run;
    Offset last_run;
    uint32_t unused;
  };
  struct Run {
    uint64_t repeats;
    uint32_t value_size;
    Offset next;
  };

  template <typename T>
  T* At(Offset offset) const {
    return reinterpret_cast<T*>(arena_base_ + size_t{offset} * 8);
  }
  std::string_view KeyOf(Offset entry) const;
  std::string_view ValueOf(Offset run) const;
  // A free slot is like that of the empty key. One comparison in place of three: each of them would
  // be a branch.
  bool Matches(const Slot& slot, const Probe& probe, std::string_view key) const {
    const uint64_t differences =
        (slot.first ^ probe.first) | (slot.last ^ probe.last) | (slot.key_size ^ ShortSize(key));
    return differences == 0 && (key.size() <= 16 || KeyOf(slot.entry) == key);
  }
  static uint32_t ShortSize(std::string_view key) {
    return key.size() < 255 ? static_cast<uint32_t>(key.size()) : 255;
  }
  static uint64_t LoadWord(const char* at) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    return word;
  }
  // Of the first `size` bytes of a word, at most 8.
  static uint64_t MaskOf(size_t size) {
    const uint64_t of_one_more = uint64_t{1} << (8 * size & 63);
    return size == 8 ? ~uint64_t{0} : of_one_more - 1;
  }
  static uint64_t HashShort(uint64_t first, uint64_t last, size_t size) {
    constexpr uint64_t kSeed = 0x9e3779b97f4a7c15;
    return Mix(first ^ kSeed, last ^ kSeed << 1 ^ size);
  }
  static uint64_t HashLong(std::string_view key);
  // Both halves of the 128-bit product, folded (as wyhash and XXH3 mix short keys).
  static uint64_t Mix(uint64_t a, uint64_t b) {
    __extension__ using Uint128 = unsigned __int128;
    const auto product = static_cast<Uint128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  Slot* slots() const { return reinterpret_cast<Slot*>(slots_->data()); }
  size_t slot_count() const { return mask_ + 1; }
  Slot* FindSlot(const Probe& probe, std::string_view key) {
    for (uint64_t at = probe.hash & mask_;; at = (at + 1) & mask_) {
      Slot* const slot = &slots()[at];
      if (Matches(*slot, probe, key) || slot->entry == 0) return slot;
    }
  }
  // False for every value until one has been chosen.
  bool IsCommon(std::string_view value) const {
    return value.size() == common_size_ &&
           ((LoadWord(value.data()) ^ common_word_) & common_mask_) == 0;
  }
  void SetCommon(std::string_view value);
  bool AddSlow(const Probe& probe, std::string_view key, std::string_view value);
  Slot* AddEntry(const Probe& probe, std::string_view key, size_t value_size);
  bool AddRun(Entry* entry, std::string_view value);
  bool AddToState(Entry* entry, std::string_view value);
  void Grow();
  uint64_t HashOf(const Slot& slot) const;

  // Of so many bytes for slots and arena together.
  static size_t SlotsOf(size_t bytes);
  static size_t ArenaOf(size_t bytes);

  Fold* const fold_;
  const size_t capacity_bytes_;
  MappedMemory arena_;  // no page of it is there before it is written to
  char* const arena_base_;
  size_t max_slots_;
  Offset arena_limit_;
  Offset used_ = 1;
  // Huge pages: a table of some MB would have more small ones than a core keeps in mind.
  std::unique_ptr<MappedMemory> slots_;
  uint64_t mask_;
  size_t groups_ = 0;
  uint64_t records_ = 0;
  static constexpr size_t kNoCommon = SIZE_MAX;
  size_t common_size_ = kNoCommon;
  std::string common_value_;  // at most 8 bytes
  uint64_t common_word_ = 0;
  uint64_t common_mask_ = 0;  // of its bytes
};

class CombineTable::GroupCursor final : public GroupSource {
 public:
  explicit GroupCursor(const CombineTable* table) : table_(table) {}

  // Moves to the next key; false after the last one.
  bool NextGroup();
  // Whether the key has one value only, and that value.
  bool single() const { return single_; }
  std::string_view only_value() const { return only_value_; }
  // With a fold: the present key's state, all its values added. There is nothing to iterate then.
  std::string_view TakeState();

 private:
  bool NextRun() override;

  const CombineTable* const table_;
  size_t next_slot_ = 0;
  Offset next_run_ = 0;
  bool single_ = false;
  std::string_view only_value_;
  const Slot* slot_ = nullptr;
  std::vector<uint64_t> no_state_;  // of a key that came with the common value only
};

inline bool CombineTable::Add(const Probe& probe, std::string_view key, std::string_view value) {
  Slot* const slot = FindSlot(probe, key);
  if (slot->entry != 0 && IsCommon(value) && slot->repeats != UINT32_MAX) [[likely]] {
    ++slot->repeats;
    ++records_;
    return true;
  }
  return AddSlow(probe, key, value);
}

}  // namespace quern::mr
