#include "common/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "common/clean_text.h"
#include "common/sizes.h"

namespace quern {
namespace {

constexpr size_t kMaxNameBytes = 200;
constexpr absl::Duration kBarInterval = absl::Milliseconds(100);
constexpr absl::Duration kLineInterval = absl::Seconds(10);

bool WantsBar(const ProgressOptions& options) {
  if (options.style == ProgressOptions::Style::kAuto) return isatty(fileno(options.out)) == 1;
  return options.style == ProgressOptions::Style::kBar;
}

}  // namespace

Progress::Progress(ProgressOptions options)
    : options_(std::move(options)),
      bar_(WantsBar(options_)),
      start_(options_.clock->MonotonicNow()),
      last_draw_(start_) {}

Progress::~Progress() { Finish(); }

void Progress::Add(uint64_t n) {
  MutexLock lock(&mutex_);
  done_ += n;
  DrawIfDue();
}

void Progress::Set(uint64_t done) {
  MutexLock lock(&mutex_);
  done_ = done;
  DrawIfDue();
}

void Progress::Finish() {
  MutexLock lock(&mutex_);
  if (finished_) return;
  finished_ = true;
  if (!drawn_) return;
  const std::string line = LineLocked(options_.clock->MonotonicNow());
  std::fprintf(options_.out, bar_ ? "\r%s\x1b[K\n" : "%s\n", line.c_str());
  std::fflush(options_.out);
}

std::string Progress::Line() {
  MutexLock lock(&mutex_);
  return LineLocked(options_.clock->MonotonicNow());
}

void Progress::DrawIfDue() {
  if (finished_ || options_.style == ProgressOptions::Style::kQuiet) return;
  const absl::Time now = options_.clock->MonotonicNow();
  // The first second is silent, so that short steps do not flicker.
  if (!drawn_ && now - start_ < absl::Seconds(1)) return;
  if (now - last_draw_ < (bar_ ? kBarInterval : kLineInterval)) return;
  last_draw_ = now;
  drawn_ = true;
  // The last line is that of Finish.
  if (!bar_ && options_.total > 0 && done_ >= options_.total) return;
  const std::string line = LineLocked(now);
  std::fprintf(options_.out, bar_ ? "\r%s\x1b[K" : "%s\n", line.c_str());
  std::fflush(options_.out);
}

std::string Progress::Amount(uint64_t n) const {
  return options_.unit == ProgressOptions::Unit::kBytes ? FormatBinarySize(n) : FormatCount(n);
}

std::string Progress::Rate(double per_second) const {
  // Of what takes longer than a second each.
  const bool slow = options_.unit == ProgressOptions::Unit::kItems && done_ > 0 && per_second < 1;
  return slow ? fmt::format("{:.2g}", per_second) : Amount(static_cast<uint64_t>(per_second));
}

std::string Progress::LineLocked(absl::Time now) const {
  const double seconds = std::max(1e-3, absl::ToDoubleSeconds(now - start_));
  const double rate = static_cast<double>(done_) / seconds;
  std::string line = CleanLine(options_.name, kMaxNameBytes);
  if (options_.total > 0) {
    const double share =
        std::min(1.0, static_cast<double>(done_) / static_cast<double>(options_.total));
    line += fmt::format("  {:.0f}%  {}/{}", std::floor(share * 100), Amount(done_),
                        Amount(options_.total));
  } else {
    line += fmt::format("  {}", Amount(done_));
  }
  line += fmt::format("  {}/s", Rate(rate));
  if (options_.total > done_ && done_ > 0) {
    const double left = static_cast<double>(options_.total - done_) / rate;
    line += fmt::format("  ETA {}", HumanDuration(absl::Seconds(left)));
  } else if (finished_) {
    line += fmt::format("  in {}", HumanDuration(now - start_));
  }
  return line;
}

}  // namespace quern
