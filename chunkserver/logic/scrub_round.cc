#include "chunkserver/logic/scrub_round.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace quern::chunkserver {
namespace {

constexpr double kShareOfPeriod = 0.8;  // the rest is for restarts and disks that are busy

// Takes a number and what stands behind it off the front of `text`.
bool TakeNumber(std::string_view* text, int base, char end, uint64_t* value) {
  const auto [rest, error] =
      std::from_chars(text->data(), text->data() + text->size(), *value, base);
  if (error != std::errc() || rest == text->data() + text->size() || *rest != end) return false;
  text->remove_prefix(static_cast<size_t>(rest + 1 - text->data()));
  return true;
}

}  // namespace

uint64_t ScrubBytesPerSecond(const ScrubLimits& limits, uint64_t used_bytes) {
  const double seconds = absl::ToDoubleSeconds(limits.period) * kShareOfPeriod;
  const double needed = static_cast<double>(used_bytes) / std::max(seconds, 1.0);
  return std::clamp(static_cast<uint64_t>(needed), limits.min_bytes_per_second,
                    limits.max_bytes_per_second);
}

std::optional<ScrubProgress> ScrubNow(const ScrubLimits& limits, const ScrubProgress& progress,
                                      absl::Time now) {
  if (progress.next.has_value()) return progress;
  const absl::Duration since = now - progress.began;
  if (since < limits.period && since > -limits.period) return std::nullopt;
  return ScrubProgress{.began = now, .next = ChunkId(0), .last = std::nullopt};
}

bool InRound(const ScrubProgress& round, ChunkId chunk) {
  return round.next.has_value() && chunk >= *round.next && (!round.last || chunk <= *round.last);
}

std::string EncodeScrubProgress(const ScrubProgress& progress) {
  std::string text = fmt::format("{} ", absl::ToUnixSeconds(progress.began));
  if (!progress.next) return text + "done\n";
  text += fmt::format("{:x}", progress.next->value());
  if (progress.last) text += fmt::format(" {:x}", progress.last->value());
  return text + "\n";
}

std::optional<ScrubProgress> DecodeScrubProgress(std::string_view text) {
  uint64_t began = 0;
  uint64_t id = 0;
  if (!TakeNumber(&text, 10, ' ', &began)) return std::nullopt;
  ScrubProgress progress{.began = absl::FromUnixSeconds(static_cast<int64_t>(began)),
                         .next = std::nullopt,
                         .last = std::nullopt};
  if (text == "done\n") return progress;
  if (TakeNumber(&text, 16, ' ', &id)) {
    progress.next = ChunkId(id);
    if (!TakeNumber(&text, 16, '\n', &id)) return std::nullopt;
    progress.last = ChunkId(id);
  } else {
    if (!TakeNumber(&text, 16, '\n', &id)) return std::nullopt;
    progress.next = ChunkId(id);
  }
  if (!text.empty()) return std::nullopt;
  return progress;
}

}  // namespace quern::chunkserver
