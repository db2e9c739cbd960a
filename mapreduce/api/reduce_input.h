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
  class ValueIterator;
  class ValueRange;

  explicit ReduceInput(quern_group* group) : group_(group) {}
  ReduceInput(const ReduceInput&) = delete;
  ReduceInput& operator=(const ReduceInput&) = delete;

  // Lives until Reduce returns.
  std::string_view key() const { return internal::View(group_->key); }
  // A value lives until the next one is taken. A second loop goes on where the first one stopped;
  // values that nobody takes are skipped.
  ValueRange values();

 private:
  quern_group* const group_;
};

class ReduceInput::ValueIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = std::string_view;
  using difference_type = std::ptrdiff_t;

  ValueIterator() = default;
  explicit ValueIterator(quern_group* group) : group_(group) {}
  std::string_view operator*() const { return internal::View(group_->value); }
  ValueIterator& operator++() {
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
  ValueIterator begin() const { return ValueIterator(group_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  quern_group* group_;
};

inline ReduceInput::ValueRange ReduceInput::values() { return ValueRange(group_); }

}  // namespace quern
