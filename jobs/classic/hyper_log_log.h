// How many distinct values there are, without keeping them: 16 KiB for any number.
//
// HyperLogLog with 2^14 registers (Flajolet and others, 2007; a standard error of 0.81 %), and the
// estimator of Ertl (2017, "New cardinality estimation algorithms for HyperLogLog sketches",
// section 4), which needs no tables to correct small and large counts. Sketches of parts merge into
// the sketch of the whole.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quern::classic {

class HyperLogLog {
 public:
  static constexpr int kBits = 14;
  static constexpr size_t kRegisters = size_t{1} << kBits;

  // `hash`: 64 even bits of the value.
  void Add(uint64_t hash);
  void Merge(const HyperLogLog& other);
  double Estimate() const;

  // The registers, a byte each.
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(registers_.data()), registers_.size()};
  }
  // Nothing when these are not the bytes of a sketch.
  static std::optional<HyperLogLog> FromBytes(std::string_view bytes);

 private:
  static constexpr int kMaxRank = 64 - kBits + 1;
  std::array<uint8_t, kRegisters> registers_ = {};
};

}  // namespace quern::classic
