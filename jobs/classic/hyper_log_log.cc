#include "jobs/classic/hyper_log_log.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace quern::classic {
namespace {

// The two series of the estimator, summed until they no longer change.
double Sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double sum = x;
  for (double weight = 1.0, before = -1.0; sum != before; weight += weight) {
    before = sum;
    x *= x;
    sum += x * weight;
  }
  return sum;
}

double Tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double sum = 1.0 - x;
  for (double weight = 1.0, before = -1.0; sum != before;) {
    before = sum;
    x = std::sqrt(x);
    weight /= 2;
    sum -= (1.0 - x) * (1.0 - x) * weight;
  }
  return sum / 3.0;
}

}  // namespace

void HyperLogLog::Add(uint64_t hash) {
  const size_t at = hash >> (64 - kBits);
  // The bit behind the register's number bounds the rank when all others are zero.
  const uint64_t rest = hash << kBits | uint64_t{1} << (kBits - 1);
  const auto rank = static_cast<uint8_t>(std::countl_zero(rest) + 1);
  registers_[at] = std::max(registers_[at], rank);
}

void HyperLogLog::Merge(const HyperLogLog& other) {
  for (size_t i = 0; i < kRegisters; ++i) {
    registers_[i] = std::max(registers_[i], other.registers_[i]);
  }
}

double HyperLogLog::Estimate() const {
  std::array<size_t, kMaxRank + 1> count = {};
  for (const uint8_t rank : registers_) ++count[rank];
  const double m = kRegisters;
  double z = m * Tau(1.0 - static_cast<double>(count[kMaxRank]) / m);
  for (int rank = kMaxRank - 1; rank >= 1; --rank) {
    z = (z + static_cast<double>(count[static_cast<size_t>(rank)])) / 2;
  }
  z += m * Sigma(static_cast<double>(count[0]) / m);
  return m * m / (2.0 * std::log(2.0)) / z;
}

std::optional<HyperLogLog> HyperLogLog::FromBytes(std::string_view bytes) {
  HyperLogLog sketch;
  if (bytes.size() != kRegisters) return std::nullopt;
  std::memcpy(sketch.registers_.data(), bytes.data(), bytes.size());
  for (const uint8_t rank : sketch.registers_) {
    if (rank > kMaxRank) return std::nullopt;
  }
  return sketch;
}

}  // namespace quern::classic
