// How much work a page may make. Counted and not timed, so that what becomes of a page does not
// depend on the machine or on what else runs there.
//
// What takes time in proportion to a page's bytes is bounded by HtmlLimits and not counted. Counted
// is what is done for each of one thing with many of another: an end tag looks through the elements
// that are open, a paragraph through those around it. Pages that people write need thousands of
// steps, and one in which each of 200,000 elements is held against 512 others takes 100 million.
//
// A step is about a nanosecond of one core, measured; each place says how many it takes.
#pragma once

#include <cstdint>

namespace quern::text {

class WorkBudget {
 public:
  explicit WorkBudget(uint64_t most_steps = UINT64_MAX) : most_steps_(most_steps) {}

  // False when more has been spent than there is: then the caller gives up, soon.
  bool Spend(uint64_t steps) {
    spent_ += steps;
    return !is_spent();
  }
  bool is_spent() const { return spent_ > most_steps_; }
  uint64_t spent() const { return spent_; }

 private:
  const uint64_t most_steps_;
  uint64_t spent_ = 0;
};

}  // namespace quern::text
