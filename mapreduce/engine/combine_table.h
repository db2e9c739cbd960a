// Groups records by key in a bounded hash table, so that a combiner can run before anything is
// sorted.
//
//   slot   {hash, entry}                        open addressing
//   entry  {key size, last run} key run ...     in one arena, 8-byte steps
//   run    {repeats, value size, next run} value
//
// Values of a key are chained in their order. A value equal to the one before it only adds to a
// count, so the "1"s of a word count take no memory however many there are.
// Used by one thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "mapreduce/api/reduce_input.h"
#include "mapreduce/engine/mapped_memory.h"

namespace quern::mr {

class CombineTable {
 public:
  explicit CombineTable(size_t capacity_bytes);

  // The hash that Add wants.
  static uint32_t Hash(std::string_view key);
  // Brings the slot of `hash` into the cache.
  void Prefetch(uint32_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
  // False when the table is full; nothing was added then.
  bool Add(uint32_t hash, std::string_view key, std::string_view value);

  uint64_t records() const { return records_; }
  size_t groups() const { return groups_; }
  // Keeps the memory.
  void Clear();

  // The keys one after another, in the order in which they first came.
  class GroupCursor;

 private:
  // Offsets into the arena count in steps of 8 bytes; 0 is "none".
  using Offset = uint32_t;
  struct Slot {
    uint32_t hash;
    Offset entry;
  };
  struct Entry {
    uint32_t key_size;
    Offset last_run;
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
  static Offset FirstRunOf(Offset entry, uint32_t key_size);
  std::string_view KeyOf(Offset entry) const;
  std::string_view ValueOf(Offset run) const;
  Slot* FindSlot(uint32_t hash, std::string_view key);
  bool AddEntry(Slot* slot, uint32_t hash, std::string_view key, std::string_view value);
  bool AddValue(Offset entry, std::string_view value);
  void WriteRun(Offset at, std::string_view value);
  void Grow();

  const size_t max_slots_;
  MappedMemory arena_;
  char* const arena_base_;
  const Offset arena_limit_;
  Offset used_ = 1;
  std::vector<Slot> slots_;
  uint32_t mask_ = 0;
  size_t groups_ = 0;
  uint64_t records_ = 0;
  std::vector<Offset> entries_;  // in the order of the groups
};

class CombineTable::GroupCursor final : public ReduceInput {
 public:
  explicit GroupCursor(const CombineTable* table) : table_(table) {}

  // Moves to the next key; false after the last one.
  bool NextGroup();
  // The key has one value only.
  bool single() const;
  // Of such a key.
  std::string_view only_value() const;

 private:
  bool NextRun() override;

  const CombineTable* const table_;
  size_t next_group_ = 0;
  Offset first_run_ = 0;
  Offset next_run_ = 0;
};

}  // namespace quern::mr
