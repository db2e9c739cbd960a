// gzip and bzip2: members one after another, and perhaps something else behind the last one.
#include <bzlib.h>

#include <algorithm>

#include "common/codecs/inflater.h"
#include "common/codecs/stream_decoder.h"

namespace quern {

namespace {

// What zlib and libbz2 have in common.
class MemberDecoder : public StreamDecoder {
 public:
  explicit MemberDecoder(std::string_view magic) : magic_(magic) {}

  absl::StatusOr<Step> Run(std::string_view input, char* out, size_t room, bool) final {
    if (ended_ > 0 && !trailing_ && !IsMember(input)) trailing_ = true;
    if (trailing_) return Step{input.size(), 0};
    const Inflater::Step step = RunMember(input, out, room);
    if (step.state == Inflater::State::kDamaged)
      return DataLossError("{} data are damaged", name());
    if (!input.empty() || step.produced > 0) inside_ = true;
    if (step.state == Inflater::State::kDone) {
      inside_ = false;
      ++ended_;
      start_bytes_ = 0;
      Restart();
    }
    return Step{step.consumed, step.produced};
  }
  bool inside() const final { return inside_ && !trailing_; }

 protected:
  virtual Inflater::Step RunMember(std::string_view input, char* out, size_t room) = 0;
  virtual void Restart() = 0;

 private:
  // Looks at the first bytes behind a member, which may come in different pieces. What is no member
  // (zeros that fill up the last block of a tape, say) is no part of the data: gunzip passes over
  // it too.
  bool IsMember(std::string_view input) {
    for (size_t i = 0; i < input.size() && start_bytes_ < magic_.size(); ++i) {
      if (input[i] != magic_[start_bytes_++]) return false;
    }
    return true;
  }

  const std::string_view magic_;
  bool inside_ = false;
  uint64_t ended_ = 0;      // members
  size_t start_bytes_ = 0;  // of the present member, looked at
  bool trailing_ = false;   // what comes is no member any more
};

class GzipDecoder final : public MemberDecoder {
 public:
  GzipDecoder() : MemberDecoder("\x1f\x8b"), inflater_(Inflater::Wrapper::kGzip) {}
  std::string_view name() const override { return "gzip"; }

 private:
  Inflater::Step RunMember(std::string_view input, char* out, size_t room) override {
    return inflater_.Run(input, out, room);
  }
  void Restart() override { inflater_.Reset(); }

  Inflater inflater_;
};

class Bzip2Decoder final : public MemberDecoder {
 public:
  Bzip2Decoder() : MemberDecoder("BZh") { BZ2_bzDecompressInit(&state_, 0, 0); }
  ~Bzip2Decoder() override { BZ2_bzDecompressEnd(&state_); }
  std::string_view name() const override { return "bzip2"; }

 private:
  Inflater::Step RunMember(std::string_view input, char* out, size_t room) override {
    constexpr size_t kMaxCallBytes = size_t{1} << 30;  // the library counts in 32 bits
    const auto in_size = static_cast<unsigned>(std::min(input.size(), kMaxCallBytes));
    const auto out_size = static_cast<unsigned>(std::min(room, kMaxCallBytes));
    state_.next_in = const_cast<char*>(input.data());
    state_.avail_in = in_size;
    state_.next_out = out;
    state_.avail_out = out_size;
    const int result = BZ2_bzDecompress(&state_);
    Inflater::Step step = {in_size - state_.avail_in, out_size - state_.avail_out,
                           Inflater::State::kMore};
    if (result == BZ_STREAM_END) {
      step.state = Inflater::State::kDone;
    } else if (result != BZ_OK) {
      step.state = Inflater::State::kDamaged;
    }
    return step;
  }
  void Restart() override {
    BZ2_bzDecompressEnd(&state_);
    state_ = {};
    BZ2_bzDecompressInit(&state_, 0, 0);
  }

  bz_stream state_ = {};
};

}  // namespace

std::unique_ptr<StreamDecoder> MakeGzipDecoder() { return std::make_unique<GzipDecoder>(); }
std::unique_ptr<StreamDecoder> MakeBzip2Decoder() { return std::make_unique<Bzip2Decoder>(); }

}  // namespace quern
