#include "jobs/search/segment/impacts.h"

#include <algorithm>

namespace quern::search {

namespace {

// BM25 grows with frequency / (length + average (1 - b) / b): about a third of the average for the
// b that is used.
double Promise(uint32_t frequency, uint32_t length, double third) {
  return frequency / (length + third + 1);
}

double ThirdOfMeanLength(const std::vector<Impact>& impacts) {
  uint64_t sum = 0;
  for (const Impact& impact : impacts) sum += impact.length;
  return static_cast<double>(sum) / static_cast<double>(3 * std::max<size_t>(impacts.size(), 1));
}

}  // namespace

void KeepBest(size_t limit, std::vector<Impact>* impacts) {
  const double third = ThirdOfMeanLength(*impacts);
  std::sort(impacts->begin(), impacts->end(), [](const Impact& a, const Impact& b) {
    return a.frequency != b.frequency ? a.frequency > b.frequency : a.length < b.length;
  });
  size_t kept = 0;
  for (const Impact impact : *impacts) {
    if (kept == 0 || impact.length < (*impacts)[kept - 1].length) (*impacts)[kept++] = impact;
  }
  impacts->resize(kept);
  // What two neighbours become has the frequency of the one and the length of the other. It is to
  // promise little, or all documents would seem to be as good as it.
  const auto promise = [&](size_t i) {
    return Promise((*impacts)[i].frequency, (*impacts)[i + 1].length, third);
  };
  while (impacts->size() > limit) {
    size_t least = 0;
    for (size_t i = 1; i + 1 < impacts->size(); ++i) {
      if (promise(i) < promise(least)) least = i;
    }
    (*impacts)[least].length = (*impacts)[least + 1].length;
    impacts->erase(impacts->begin() + static_cast<std::ptrdiff_t>(least) + 1);
  }
}

}  // namespace quern::search
