// One key and all its values, as a reducer or combiner sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace quern {

// The values are streamed: there may be any number of them, and each can be looked at once. They
// come in one fixed order: by map task, then in the order of the emits.
class ReduceInput {
 public:
  class ValueIterator;
  class ValueRange;

  virtual ~ReduceInput() = default;
  ReduceInput(const ReduceInput&) = delete;
  ReduceInput& operator=(const ReduceInput&) = delete;

  // Lives until Reduce returns.
  std::string_view key() const { return key_; }
  // A value lives until the next one is taken. A second loop goes on where the first one stopped;
  // values that nobody takes are skipped.
  ValueRange values();

 protected:
  ReduceInput() = default;

  // Moves value_ and repeats_ to the next run of equal values; false when there is none.
  virtual bool NextRun() = 0;

  void StartGroup(std::string_view key) { key_ = key; }
  // The first or next run: `value`, `repeats` times (at least once).
  void SetRun(std::string_view value, uint64_t repeats) {
    value_ = value;
    repeats_ = repeats;
  }
  void EndValues() { repeats_ = 0; }
  bool has_value() const { return repeats_ > 0; }

 private:
  void NextValue() {
    if (--repeats_ == 0 && !NextRun()) repeats_ = 0;
  }

  std::string_view key_;
  std::string_view value_;
  uint64_t repeats_ = 0;  // values left in the run, the present one included; 0 = at the end
};

class ReduceInput::ValueIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = std::string_view;
  using difference_type = std::ptrdiff_t;

  ValueIterator() = default;
  explicit ValueIterator(ReduceInput* input) : input_(input) {}
  std::string_view operator*() const { return input_->value_; }
  ValueIterator& operator++() {
    input_->NextValue();
    return *this;
  }
  void operator++(int) { input_->NextValue(); }
  bool operator==(std::default_sentinel_t) const { return input_->repeats_ == 0; }

 private:
  ReduceInput* input_ = nullptr;
};

class ReduceInput::ValueRange {
 public:
  explicit ValueRange(ReduceInput* input) : input_(input) {}
  ValueIterator begin() const { return ValueIterator(input_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  ReduceInput* input_;
};

inline ReduceInput::ValueRange ReduceInput::values() { return ValueRange(this); }

}  // namespace quern
