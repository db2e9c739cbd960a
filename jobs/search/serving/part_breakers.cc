#include "jobs/search/serving/part_breakers.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace quern::search {

PartBreakers::Choice PartBreakers::Choose(absl::Time now) {
  Choice choice;
  const bool all_open =
      std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.open; });
  if (all_open) {
    choice.asked.resize(parts_.size());
    std::iota(choice.asked.begin(), choice.asked.end(), size_t{0});
    return choice;
  }
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (!part.open) {
      choice.asked.push_back(i);
    } else if (part.is_probed) {
      choice.left_out.push_back(
          {i, fmt::format("{}; left out, while another query asks it again", part.why)});
    } else if (now >= part.until) {
      part.is_probed = true;
      choice.asked.push_back(i);
    } else {
      const int64_t left = absl::ToInt64Seconds(absl::Ceil(part.until - now, absl::Seconds(1)));
      choice.left_out.push_back(
          {i, fmt::format("{}; left out, and asked again in {} s", part.why, left)});
    }
  }
  return choice;
}

void PartBreakers::Answered(size_t part, absl::Time now) {
  parts_[part] = Part{};
  parts_[part].judged = now;
}

void PartBreakers::NotAnswered(size_t part, absl::Time asked, absl::Time now,
                               std::string_view why) {
  Part& missed = parts_[part];
  if (asked < missed.judged) return;
  missed.pause =
      missed.open ? std::min(2 * missed.pause, options_.longest_pause) : options_.first_pause;
  missed.open = true;
  missed.is_probed = false;
  missed.until = now + missed.pause;
  missed.judged = now;
  missed.why = why;
}

}  // namespace quern::search
