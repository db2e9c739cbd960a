#include "jobs/search/segment/impacts.h"

#include <algorithm>

namespace quern::search {

namespace {

// How much weaker a bound gets where two neighbours become one.
double Loss(const Impact& higher, const Impact& lower) {
  const auto ratio = [](uint32_t a, uint32_t b) { return (a + 1.0) / (b + 1.0); };
  return ratio(higher.frequency, lower.frequency) * ratio(higher.length, lower.length);
}

}  // namespace

void KeepBest(size_t limit, std::vector<Impact>* impacts) {
  std::sort(impacts->begin(), impacts->end(), [](const Impact& a, const Impact& b) {
    return a.frequency != b.frequency ? a.frequency > b.frequency : a.length < b.length;
  });
  size_t kept = 0;
  for (const Impact impact : *impacts) {
    if (kept == 0 || impact.length < (*impacts)[kept - 1].length) (*impacts)[kept++] = impact;
  }
  impacts->resize(kept);
  while (impacts->size() > limit) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < impacts->size(); ++i) {
      if (Loss((*impacts)[i], (*impacts)[i + 1]) < Loss((*impacts)[best], (*impacts)[best + 1])) {
        best = i;
      }
    }
    (*impacts)[best].length = (*impacts)[best + 1].length;
    impacts->erase(impacts->begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

}  // namespace quern::search
