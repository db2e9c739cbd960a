#include "mapreduce/cli/time_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/cli/table.h"
#include "common/sizes.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

std::string Seconds(absl::Duration time) {
  return time == absl::ZeroDuration() ? "-" : fmt::format("{:.2f} s", absl::ToDoubleSeconds(time));
}

int64_t Millis(absl::Duration time) { return absl::ToInt64Milliseconds(time); }

}  // namespace

const std::array<std::string_view, TimeReport::kParts> TimeReport::kNames = {
    "reading input",
    "user code and records",
    "sorting and spilling",
    "shuffle",
    "merging",
    "writing output",
    "starting",
    "failed or killed"};
const std::array<std::string_view, TimeReport::kParts> TimeReport::kFields = {
    "read_ms", "user_ms", "sort_ms", "shuffle_ms", "merge_ms", "write_ms", "start_ms", "lost_ms"};

void TimeReport::Add(const pb::TaskAttemptStatus& attempt, absl::Time now) {
  if (attempt.started_ms() == 0) return;
  const absl::Time started = absl::FromUnixMillis(attempt.started_ms());
  const absl::Time ended =
      attempt.finished_ms() == 0 ? now : absl::FromUnixMillis(attempt.finished_ms());
  const absl::Duration length = std::max(ended - started, absl::ZeroDuration());
  Spent spent;
  const pb::AttemptTimes& times = attempt.times();
  if (attempt.has_times()) {
    spent[kRead] = absl::Microseconds(times.read_us());
    spent[kUser] = absl::Microseconds(times.user_us());
    spent[kSort] = absl::Microseconds(times.sort_us());
    spent[kShuffle] = absl::Microseconds(times.shuffle_us());
    spent[kMerge] = absl::Microseconds(times.merge_us());
    spent[kWrite] = absl::Microseconds(times.write_us());
    // The two clocks are of two machines.
    spent[kStart] = std::max(length - Sum(spent), absl::ZeroDuration());
  } else if (attempt.state() == pb::ATTEMPT_STATE_RUNNING ||
             attempt.state() == pb::ATTEMPT_STATE_SUCCEEDED) {
    ++without_times_;
    return;
  } else {
    spent[kLost] = length;
  }
  Spent& sum = attempt.id().kind() == pb::TASK_KIND_REDUCE ? reduces_ : maps_;
  for (size_t part = 0; part < kParts; ++part) sum[part] += spent[part];
  NoteSlow(attempt, length, spent);
}

void TimeReport::NoteSlow(const pb::TaskAttemptStatus& attempt, absl::Duration length,
                          const Spent& spent) {
  const Part most = MostOf(spent);
  const auto at = std::find_if(slowest_.begin(), slowest_.end(),
                               [&](const Slow& slow) { return slow.length < length; });
  const std::string name = of_ == Of::kJob ? FormatAttempt(attempt.id()) : AttemptKey(attempt.id());
  slowest_.insert(at, {length, name, attempt.node(), most, spent[most]});
  if (slowest_.size() > kSlowest) slowest_.pop_back();
}

TimeReport::Part TimeReport::MostOf(const Spent& spent) {
  return static_cast<Part>(std::max_element(spent.begin(), spent.end()) - spent.begin());
}

absl::Duration TimeReport::Sum(const Spent& spent) {
  absl::Duration sum;
  for (const absl::Duration part : spent) sum += part;
  return sum;
}

TimeReport::Spent TimeReport::WholeSpent() const {
  Spent all;
  for (size_t part = 0; part < kParts; ++part) all[part] = maps_[part] + reduces_[part];
  return all;
}

std::string TimeReport::Brief() const {
  const Spent all = WholeSpent();
  const absl::Duration whole = Sum(all);
  if (whole == absl::ZeroDuration()) return "-";
  const Part most = MostOf(all);
  return fmt::format("{}, {} of it {}", Seconds(whole), Seconds(all[most]), kNames[most]);
}

std::string TimeReport::Text() const {
  const Spent all = WholeSpent();
  const absl::Duration whole = Sum(all);
  if (whole == absl::ZeroDuration()) return "No attempt has ended yet.\n";
  using Align = Table::Align;
  Table table({{"TIME OF TASKS"},
               {"MAPS", Align::kRight},
               {"REDUCES", Align::kRight},
               {"ALL", Align::kRight},
               {"SHARE", Align::kRight}});
  for (size_t part = 0; part < kParts; ++part) {
    if (all[part] == absl::ZeroDuration()) continue;
    table.AddRow({std::string(kNames[part]), Seconds(maps_[part]), Seconds(reduces_[part]),
                  Seconds(all[part]),
                  fmt::format("{:.0f}%", 100 * absl::FDivDuration(all[part], whole))});
  }
  table.AddRow({"in sum", Seconds(Sum(maps_)), Seconds(Sum(reduces_)), Seconds(whole), "100%"});
  std::string text = table.ToString();
  for (const Slow& slow : slowest_) {
    text += fmt::format("{} on {} took {}, {} of it {}\n", slow.attempt, slow.node,
                        Seconds(slow.length), Seconds(slow.spent), kNames[slow.most]);
  }
  if (without_times_ > 0) {
    const bool one = without_times_ == 1;
    text +=
        fmt::format("{} that {}, or whose times are not known, {} left out\n",
                    CountOf(without_times_, "attempt"), one ? "runs" : "run", one ? "is" : "are");
  }
  return text;
}

JsonLine TimeReport::SpentJson(const Spent& spent) {
  JsonLine json;
  for (size_t part = 0; part < kParts; ++part) json.Add(kFields[part], Millis(spent[part]));
  return json;
}

JsonLine TimeReport::Json() const {
  std::vector<JsonLine> slowest;
  for (const Slow& slow : slowest_) {
    JsonLine line;
    line.Add("attempt", slow.attempt).Add("node", slow.node).Add("ms", Millis(slow.length));
    line.Add("most", kFields[slow.most]).Add("most_ms", Millis(slow.spent));
    slowest.push_back(std::move(line));
  }
  JsonLine json;
  json.Add("maps", SpentJson(maps_)).Add("reduces", SpentJson(reduces_)).Add("slowest", slowest);
  json.Add("left_out", without_times_);
  return json;
}

}  // namespace quern::mr
