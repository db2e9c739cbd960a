// Which documents have which values of a tag, in bins that are the same for every corpus, so that
// counts of several tasks can be added up.
#pragma once

#include <cstdint>

namespace quern::corpus {

// From 0 to 1 there are 50 bins of equal width; above, each power of two is cut into 8 of equal
// width. What is below 0 or no number falls into the first.
uint32_t BinOf(double value);
// The least value in a bin.
double StartOfBin(uint32_t bin);

}  // namespace quern::corpus
