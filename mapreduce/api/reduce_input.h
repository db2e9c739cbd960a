// One key and all its values, as a reducer or combiner sees them.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

#include "mapreduce/api/boundary.h"
#include "mapreduce/api/quern.h"

namespace quern {

// The values are streamed: there may be any number of them, and each can be looked at once. They
// come in one fixed order: by map task, then in the order of the emits.
class ReduceInput {
 public:
  class ValueRange;
  class RecordRange;
  // A value and the whole key that it was emitted under.
  struct Record {
    std::string_view key;
    std::string_view value;
  };

  explicit ReduceInput(quern_group* group) : group_(group) {}
  ReduceInput(const ReduceInput&) = delete;
  ReduceInput& operator=(const ReduceInput&) = delete;

  // Lives until Reduce returns. With `[reduce] group = N`: the first N parts of the records' keys.
  std::string_view key() const { return internal::View(group_->key); }
  // A value lives until the next one is taken. A second loop goes on where the first one stopped;
  // values that nobody takes are skipped.
  ValueRange values();
  // The same, each with its own key: they come in the order of these keys.
  //   for (const auto& [key, value] : in->records()) ...
  RecordRange records();

 private:
  quern_group* const group_;
};

// Of what `Get` makes of the present record.
template <typename Item, Item (*Get)(const quern_group*)>
class GroupIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Item;
  using difference_type = std::ptrdiff_t;

  GroupIterator() = default;
  explicit GroupIterator(quern_group* group) : group_(group) {}
  Item operator*() const { return Get(group_); }
  GroupIterator& operator++() {
    quern_next_value(group_);
    return *this;
  }
  void operator++(int) { quern_next_value(group_); }
  bool operator==(std::default_sentinel_t) const { return group_->repeats == 0; }

 private:
  quern_group* group_ = nullptr;
};

class ReduceInput::ValueRange {
 public:
  explicit ValueRange(quern_group* group) : group_(group) {}
  auto begin() const { return GroupIterator<std::string_view, Get>(group_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  static std::string_view Get(const quern_group* group) { return internal::View(group->value); }
  quern_group* group_;
};

class ReduceInput::RecordRange {
 public:
  explicit RecordRange(quern_group* group) : group_(group) {}
  auto begin() const { return GroupIterator<Record, Get>(group_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  static Record Get(const quern_group* group) {
    return {internal::View(group->record_key), internal::View(group->value)};
  }
  quern_group* group_;
};

inline ReduceInput::ValueRange ReduceInput::values() { return ValueRange(group_); }
inline ReduceInput::RecordRange ReduceInput::records() { return RecordRange(group_); }

}  // namespace quern
