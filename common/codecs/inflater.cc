#include "common/codecs/inflater.h"

#include <zlib.h>

#include <algorithm>

namespace quern {

namespace {

// zlib counts in 32 bits.
constexpr size_t kMaxStepBytes = size_t{1} << 30;

int WindowBits(Inflater::Wrapper wrapper) {
  switch (wrapper) {
    case Inflater::Wrapper::kGzip:
      return MAX_WBITS + 16;
    case Inflater::Wrapper::kZlib:
      return MAX_WBITS;
    case Inflater::Wrapper::kRaw:
      return -MAX_WBITS;
  }
  return MAX_WBITS + 16;
}

}  // namespace

struct Inflater::Impl {
  z_stream state = {};
  bool over = false;  // done or damaged: nothing more comes before a reset
  State end = State::kMore;
};

Inflater::Inflater(Wrapper wrapper) : impl_(std::make_unique<Impl>()) {
  inflateInit2(&impl_->state, WindowBits(wrapper));
}

Inflater::~Inflater() { inflateEnd(&impl_->state); }

void Inflater::Reset() {
  inflateReset(&impl_->state);
  impl_->over = false;
}

void Inflater::Reset(Wrapper wrapper) {
  inflateReset2(&impl_->state, WindowBits(wrapper));
  impl_->over = false;
}

Inflater::Step Inflater::Run(std::string_view input, char* out, size_t room) {
  if (impl_->over) return {0, 0, impl_->end};
  z_stream& state = impl_->state;
  const auto in_size = static_cast<uInt>(std::min(input.size(), kMaxStepBytes));
  const auto out_size = static_cast<uInt>(std::min(room, kMaxStepBytes));
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  state.avail_in = in_size;
  state.next_out = reinterpret_cast<Bytef*>(out);
  state.avail_out = out_size;
  const int result = inflate(&state, Z_NO_FLUSH);
  Step step = {in_size - state.avail_in, out_size - state.avail_out, State::kMore};
  if (result == Z_STREAM_END) {
    step.state = State::kDone;
  } else if (result != Z_OK && result != Z_BUF_ERROR) {
    step.state = State::kDamaged;
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

}  // namespace quern
