#include "jobs/search/serving/part_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace quern::search {
namespace {

constexpr size_t kShownRanges = 20;

using Version = std::pair<uint64_t, uint64_t>;  // generation, hash of the manifest

Version VersionOf(const v1::IndexPart& part) { return {part.generation(), part.manifest_hash()}; }

}  // namespace

void PartChoice::ChooseVersion(const std::vector<PartState>& states) {
  std::map<Version, std::set<uint32_t>> versions;
  for (const PartState& state : states) {
    if (!state.part.has_value()) continue;
    versions[VersionOf(*state.part)].insert(state.part->segments().begin(),
                                            state.part->segments().end());
  }
  Version best;
  size_t most = 0;
  for (const auto& [version, segments] : versions) {
    if (segments.size() < most) continue;  // of as many, the newer one
    best = version;
    most = segments.size();
  }
  for (const PartState& state : states) {
    if (!state.part.has_value() || VersionOf(*state.part) != best) continue;
    index_ = *state.part;
    index_.clear_segments();
    return;
  }
}

PartChoice::PartChoice(const std::vector<PartState>& states) {
  ChooseVersion(states);
  std::map<uint32_t, std::string> served;  // segment -> who is asked for it
  for (size_t i = 0; i < states.size(); ++i) {
    if (!states[i].part.has_value()) continue;
    const v1::IndexPart& part = *states[i].part;
    if (VersionOf(part) != VersionOf(index_)) {
      problems_.push_back(
          {states[i].server,
           part.generation() == index_.generation()
               ? fmt::format("serves another index than others, also of generation {}",
                             part.generation())
               : fmt::format("serves generation {} of the index, others {}", part.generation(),
                             index_.generation())});
      continue;
    }
    std::vector<uint32_t> taken;
    for (const uint32_t segment : part.segments()) {
      if (served.contains(segment)) taken.push_back(segment);
    }
    const bool adds_nothing = taken.size() == static_cast<size_t>(part.segments_size());
    // A part without segments says nothing wrong, and has nothing to say.
    if (adds_nothing && !chosen_.empty()) continue;
    if (!taken.empty()) {
      problems_.push_back({states[i].server, fmt::format("serves segment {}, as {} does", taken[0],
                                                         served[taken[0]])});
      continue;
    }
    for (const uint32_t segment : part.segments()) {
      served[segment] = states[i].server;
      index_.add_segments(segment);
    }
    chosen_.push_back(i);
  }
}

std::string MissingSegments(const std::set<uint32_t>& searched, uint32_t all_segments) {
  std::string ranges;
  size_t shown = 0;
  size_t missing = 0;
  for (uint32_t i = 0; i < all_segments; ++i) {
    if (searched.contains(i)) continue;
    uint32_t last = i;
    while (last + 1 < all_segments && !searched.contains(last + 1)) ++last;
    missing += last - i + 1;
    if (++shown <= kShownRanges) {
      ranges += ranges.empty() ? "" : ", ";
      ranges += last == i ? fmt::format("{}", i) : fmt::format("{}-{}", i, last);
    }
    i = last;
  }
  if (missing == 0) return "";
  return fmt::format("segment{} {}{} of {} {} not searched", missing == 1 ? "" : "s", ranges,
                     shown > kShownRanges ? ", ..." : "", all_segments,
                     missing == 1 ? "was" : "were");
}

}  // namespace quern::search
