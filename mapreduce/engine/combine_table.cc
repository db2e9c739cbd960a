#include "mapreduce/engine/combine_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "mapreduce/api/quern.h"

namespace quern::mr {

namespace {

constexpr size_t kFirstSlots = 1024;
constexpr size_t kFirstPart = 8;  // of the memory, before Widen
constexpr size_t kStep = 8;

uint32_t Steps(size_t bytes) { return static_cast<uint32_t>((bytes + kStep - 1) / kStep); }

}  // namespace

// Two fifths of the memory for slots, the rest for the arena: that is as many keys in both when
// they are of two words, as a third of the slots stays free.
size_t CombineTable::SlotsOf(size_t bytes) {
  return std::max(std::bit_floor(bytes / 5 * 2 / sizeof(Slot)), kFirstSlots);
}

size_t CombineTable::ArenaOf(size_t bytes) {
  return std::min(bytes / 5 * 3, (size_t{1} << kOffsetBits) * kStep);
}

CombineTable::CombineTable(size_t capacity_bytes, Fold* fold)
    : fold_(fold),
      capacity_bytes_(capacity_bytes),
      arena_(ArenaOf(capacity_bytes)),
      arena_base_(arena_.data()),
      max_slots_(SlotsOf(capacity_bytes / kFirstPart)),
      arena_limit_(static_cast<Offset>(ArenaOf(capacity_bytes / kFirstPart) / kStep)),
      slots_(std::make_unique<MappedMemory>(kFirstSlots * sizeof(Slot))),
      mask_(kFirstSlots - 1) {}

uint64_t CombineTable::HashLong(std::string_view key) {
  return XXH3_64bits(key.data(), key.size());
}

std::string_view CombineTable::KeyOf(Offset entry) const {
  const Entry* const at = At<Entry>(entry);
  return {reinterpret_cast<const char*>(at + 1), at->key_size};
}

std::string_view CombineTable::ValueOf(Offset run) const {
  const Run* const at = At<Run>(run);
  return {reinterpret_cast<const char*>(at + 1), at->value_size};
}

bool CombineTable::Widen() {
  const size_t slots = SlotsOf(capacity_bytes_);
  const auto steps = static_cast<Offset>(ArenaOf(capacity_bytes_) / kStep);
  if (slots == max_slots_ && steps == arena_limit_) return false;
  max_slots_ = slots;
  arena_limit_ = steps;
  return true;
}

void CombineTable::SetCommon(std::string_view value) {
  common_value_ = value;
  common_word_ = LoadWord(value.data());
  common_mask_ = MaskOf(value.size());
  common_size_ = value.size();
}

// A new key, or another value than the common one.
bool CombineTable::AddSlow(const Probe& probe, std::string_view key, std::string_view value) {
  if (common_size_ == kNoCommon && value.size() <= 8) SetCommon(value);
  const bool common = IsCommon(value);
  Slot* slot = FindSlot(probe, key);
  const size_t value_bytes = fold_ != nullptr ? fold_->state_bytes() : value.size();
  if (slot->entry == 0) slot = AddEntry(probe, key, common ? 0 : value_bytes);
  if (slot == nullptr) return false;
  if (common && slot->repeats != UINT32_MAX) {
    ++slot->repeats;
  } else {
    Entry* const entry = At<Entry>(slot->entry);
    if (!(fold_ != nullptr ? AddToState(entry, value) : AddRun(entry, value))) return false;
  }
  ++records_;
  return true;
}

// Null when there is no room for the key together with a first value of its own.
CombineTable::Slot* CombineTable::AddEntry(const Probe& probe, std::string_view key,
                                           size_t value_size) {
  const size_t steps = Steps(sizeof(Entry) + key.size());
  // Two thirds of the slots at most, so that probes stay short.
  const bool crowded = (groups_ + 1) * 3 > slot_count() * 2;
  if (steps + Steps(sizeof(Run) + value_size) > arena_limit_ - used_) return nullptr;
  if (crowded && slot_count() >= max_slots_) return nullptr;
  if (crowded) Grow();
  Slot* const slot = FindSlot(probe, key);
  slot->first = probe.first;
  slot->last = probe.last;
  slot->entry = used_ & ((1u << kOffsetBits) - 1);
  slot->key_size = ShortSize(key) & 255;
  slot->repeats = 0;
  *At<Entry>(used_) = {static_cast<uint32_t>(key.size()), 0, 0, 0};
  std::memcpy(At<Entry>(used_) + 1, key.data(), key.size());
  used_ += static_cast<Offset>(steps);
  ++groups_;
  return slot;
}

bool CombineTable::AddRun(Entry* entry, std::string_view value) {
  if (entry->last_run != 0 && ValueOf(entry->last_run) == value) {
    ++At<Run>(entry->last_run)->repeats;
    return true;
  }
  const uint32_t steps = Steps(sizeof(Run) + value.size());
  if (steps > arena_limit_ - used_) return false;
  *At<Run>(used_) = {1, static_cast<uint32_t>(value.size()), 0};
  quern_copy_short(reinterpret_cast<char*>(At<Run>(used_) + 1), value.data(), value.size());
  (entry->last_run == 0 ? entry->first_run : At<Run>(entry->last_run)->next) = used_;
  entry->last_run = used_;
  used_ += steps;
  return true;
}

bool CombineTable::AddToState(Entry* entry, std::string_view value) {
  if (entry->first_run == 0) {
    const uint32_t steps = Steps(fold_->state_bytes());
    if (steps > arena_limit_ - used_) return false;
    fold_->Init(At<char>(used_));
    entry->first_run = used_;
    used_ += steps;
  }
  fold_->Add(At<char>(entry->first_run), value, 1);
  return true;
}

void CombineTable::Grow() {
  const std::unique_ptr<MappedMemory> old = std::move(slots_);
  const Slot* const old_slots = reinterpret_cast<const Slot*>(old->data());
  const size_t old_count = slot_count();
  slots_ = std::make_unique<MappedMemory>(2 * old_count * sizeof(Slot));
  mask_ = 2 * old_count - 1;
  for (size_t i = 0; i < old_count; ++i) {
    const Slot& slot = old_slots[i];
    if (slot.entry == 0) continue;
    uint64_t at = HashOf(slot) & mask_;
    while (slots()[at].entry != 0) at = (at + 1) & mask_;
    slots()[at] = slot;
  }
}

uint64_t CombineTable::HashOf(const Slot& slot) const {
  return slot.key_size <= 16 ? HashShort(slot.first, slot.last, slot.key_size)
                             : HashLong(KeyOf(slot.entry));
}

void CombineTable::Clear() {
  std::fill_n(slots(), slot_count(), Slot{});
  used_ = 1;
  groups_ = 0;
  records_ = 0;
  common_size_ = kNoCommon;
  common_value_.clear();
}

bool CombineTable::GroupCursor::NextGroup() {
  const Slot* const slots = table_->slots();
  const size_t count = table_->slot_count();
  while (next_slot_ < count && slots[next_slot_].entry == 0) ++next_slot_;
  if (next_slot_ == count) return false;
  const Slot& slot = slots[next_slot_++];
  StartGroup(table_->KeyOf(slot.entry));
  slot_ = &slot;
  if (table_->fold_ != nullptr) return true;
  next_run_ = table_->At<Entry>(slot.entry)->first_run;
  if (slot.repeats > 0) {
    single_ = slot.repeats == 1 && next_run_ == 0;
    only_value_ = table_->common_value_;
    SetRun(table_->common_value_, slot.repeats);
    return true;
  }
  const Run* const first = table_->At<Run>(next_run_);
  single_ = first->repeats == 1 && first->next == 0;
  only_value_ = table_->ValueOf(next_run_);
  return NextRun();
}

std::string_view CombineTable::GroupCursor::TakeState() {
  Fold* const fold = table_->fold_;
  const Offset kept = table_->At<Entry>(slot_->entry)->first_run;
  char* state = table_->At<char>(kept);
  if (kept == 0) {
    no_state_.resize(Steps(fold->state_bytes()));
    state = reinterpret_cast<char*>(no_state_.data());
    fold->Init(state);
  }
  if (slot_->repeats > 0) fold->Add(state, table_->common_value_, slot_->repeats);
  return {state, fold->state_bytes()};
}

bool CombineTable::GroupCursor::NextRun() {
  if (next_run_ == 0) return false;
  const Run* const run = table_->At<Run>(next_run_);
  SetRun(table_->ValueOf(next_run_), run->repeats);
  next_run_ = run->next;
  return true;
}

}  // namespace quern::mr
