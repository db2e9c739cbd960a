#include "mapreduce/formats/inflater.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstdint>

namespace quern::mr {

namespace {

// ISA-L counts in 32 bits.
constexpr size_t kMaxStepBytes = size_t{1} << 30;

uint32_t ToIsal(Inflater::Wrapper wrapper) {
  switch (wrapper) {
    case Inflater::Wrapper::kGzip:
      return ISAL_GZIP;
    case Inflater::Wrapper::kZlib:
      return ISAL_ZLIB;
    case Inflater::Wrapper::kRaw:
      return ISAL_DEFLATE;
  }
  return ISAL_GZIP;
}

}  // namespace

struct Inflater::Impl {
  inflate_state state;
  bool over = false;  // done or damaged: nothing more comes before a reset
  State end = State::kMore;
};

Inflater::Inflater(Wrapper wrapper) : impl_(std::make_unique_for_overwrite<Impl>()) {
  isal_inflate_init(&impl_->state);
  impl_->state.crc_flag = ToIsal(wrapper);
}

Inflater::~Inflater() = default;

void Inflater::Reset() {
  isal_inflate_reset(&impl_->state);
  impl_->over = false;
}

void Inflater::Reset(Wrapper wrapper) {
  Reset();
  impl_->state.crc_flag = ToIsal(wrapper);
}

Inflater::Step Inflater::Run(std::string_view input, char* out, size_t room) {
  if (impl_->over) return {0, 0, impl_->end};
  inflate_state& state = impl_->state;
  const auto in_size = static_cast<uint32_t>(std::min(input.size(), kMaxStepBytes));
  const auto out_size = static_cast<uint32_t>(std::min(room, kMaxStepBytes));
  state.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(input.data()));
  state.avail_in = in_size;
  state.next_out = reinterpret_cast<uint8_t*>(out);
  state.avail_out = out_size;
  const int result = isal_inflate(&state);
  Step step = {in_size - state.avail_in, out_size - state.avail_out, State::kMore};
  // An overflow of the room is no damage; negative results are, and so is a preset dictionary.
  if (result < 0 || result == ISAL_NEED_DICT) {
    step.state = State::kDamaged;
  } else if (state.block_state == ISAL_BLOCK_FINISH) {
    step.state = State::kDone;
  }
  impl_->over = step.state != State::kMore;
  impl_->end = step.state;
  return step;
}

bool LooksLikeGzipMember(std::string_view bytes) {
  if (bytes.size() < 10 || !bytes.starts_with("\x1f\x8b\x08")) return false;
  constexpr unsigned kReservedFlags = 0xe0;
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  // The operating system is one of RFC 1952 or "unknown"; the level is 0, or fast, or best.
  return (at(3) & kReservedFlags) == 0 && (at(8) == 0 || at(8) == 2 || at(8) == 4) &&
         (at(9) <= 19 || at(9) == 255);
}

}  // namespace quern::mr
