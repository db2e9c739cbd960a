#include "jobs/corpus/histogram.h"

#include <algorithm>
#include <cmath>

namespace quern::corpus {

namespace {

constexpr uint32_t kShares = 50;
constexpr uint32_t kPerDoubling = 8;
constexpr double kLargest = 1e18;

}  // namespace

uint32_t BinOf(double value) {
  if (!(value > 0)) return 0;
  if (value < 1) {
    const auto bin = static_cast<uint32_t>(value * kShares);
    // 0.58 * 50 is a little less than 29: what counts is StartOfBin.
    if (bin + 1 <= kShares && value >= StartOfBin(bin + 1)) return bin + 1;
    return value < StartOfBin(bin) ? bin - 1 : bin;
  }
  int exponent = 0;
  const double mantissa = 2 * std::frexp(std::min(value, kLargest), &exponent);  // from 1 to 2
  const auto step = static_cast<uint32_t>((mantissa - 1) * kPerDoubling);
  return kShares + static_cast<uint32_t>(exponent - 1) * kPerDoubling + step;
}

double StartOfBin(uint32_t bin) {
  if (bin <= kShares) return static_cast<double>(bin) / kShares;
  const uint32_t above = bin - kShares;
  return std::ldexp(1 + static_cast<double>(above % kPerDoubling) / kPerDoubling,
                    static_cast<int>(above / kPerDoubling));
}

}  // namespace quern::corpus
