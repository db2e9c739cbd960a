#include "jobs/classic/sort_record.h"

namespace quern::classic {
namespace {

__extension__ using Number = unsigned __int128;

constexpr Number Wide(uint64_t high, uint64_t low) { return Number{high} << 64 | low; }
constexpr char HexDigit(Number number) {
  const auto digit = static_cast<int>(number & 15);
  return static_cast<char>(digit < 10 ? '0' + digit : 'A' + digit - 10);
}
// The characters that print, blank to tilde.
constexpr uint64_t kPrintable = 95;

// x -> multiplier * x + increment, modulo 2^128: gensort's random numbers.
struct Step {
  Number multiplier = Wide(0x2360ed051fc65da4, 0x4385df649fccf645);
  Number increment = Wide(0x4a696d4772617952, 0x4950202020202001);

  Number operator()(Number x) const { return multiplier * x + increment; }
  // One step that does what this one and then `next` do.
  Step Then(const Step& next) const {
    return {next.multiplier * multiplier, next.multiplier * increment + next.increment};
  }
};

Number SkipTo(uint64_t count) {
  Number random = 0;
  for (Step step; count > 0; count >>= 1, step = step.Then(step)) {
    if ((count & 1) != 0) random = step(random);
  }
  return random;
}

char* PutPrintable(uint64_t random, int characters, char* out) {
  for (; characters > 0; --characters, random /= kPrintable) {
    *out++ = static_cast<char>(' ' + random % kPrintable);
  }
  return out;
}

}  // namespace

SortRecordGenerator::SortRecordGenerator(uint64_t first)
    : random_(SkipTo(first)), number_(first), record_() {}

std::string_view SortRecordGenerator::Next() {
  random_ = Step()(random_);
  char* out = PutPrintable(static_cast<uint64_t>(random_ >> 64), 8, record_.data());
  out = PutPrintable(static_cast<uint64_t>(random_), 2, out);
  *out++ = ' ';
  *out++ = ' ';
  for (int shift = 124; shift >= 0; shift -= 4) *out++ = HexDigit(Number{number_} >> shift);
  *out++ = ' ';
  *out++ = ' ';
  // Thirteen digits of the random number, four times each.
  for (int shift = 48; shift >= 0; shift -= 4) {
    for (int i = 0; i < 4; ++i) *out++ = HexDigit(random_ >> shift);
  }
  *out++ = '\r';
  *out++ = '\n';
  ++number_;
  return {record_.data(), record_.size()};
}

}  // namespace quern::classic
