// xz, zstd and lz4, whose libraries see to frames one after another themselves.
#include <lz4frame.h>
#include <lzma.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/codecs/stream_decoder.h"

namespace quern {

namespace {

constexpr int kMaxWindowLog = 27;
static_assert(size_t{1} << kMaxWindowLog == kMaxDecoderBytes);

// They may well be sound.
absl::Status TooLarge(std::string_view name) {
  return DataLossError("{} data need more than {} MiB of memory to unpack", name,
                       kMaxDecoderBytes >> 20);
}

class XzDecoder final : public StreamDecoder {
 public:
  XzDecoder()
      : started_(lzma_stream_decoder(&state_, kMaxDecoderBytes + (1 << 20), LZMA_CONCATENATED) ==
                 LZMA_OK) {}
  ~XzDecoder() override { lzma_end(&state_); }
  std::string_view name() const override { return "xz"; }
  bool inside() const override { return !ended_; }

  absl::StatusOr<Step> Run(std::string_view input, char* out, size_t room, bool eof) override {
    if (ended_) return Step{input.size(), 0};
    if (!started_) return ResourceExhaustedError("no memory to decode xz data");
    state_.next_in = reinterpret_cast<const uint8_t*>(input.data());
    state_.avail_in = input.size();
    state_.next_out = reinterpret_cast<uint8_t*>(out);
    state_.avail_out = room;
    const lzma_ret result = lzma_code(&state_, eof ? LZMA_FINISH : LZMA_RUN);
    ended_ = result == LZMA_STREAM_END;
    if (result == LZMA_MEMLIMIT_ERROR) {
      return TooLarge("xz");
    }
    if (result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR) {
      return DataLossError("xz data are damaged");
    }
    return Step{input.size() - state_.avail_in, room - state_.avail_out};
  }

 private:
  lzma_stream state_ = LZMA_STREAM_INIT;
  const bool started_;
  bool ended_ = false;
};

class ZstdDecoder final : public StreamDecoder {
 public:
  ZstdDecoder() { ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kMaxWindowLog); }
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  std::string_view name() const override { return "zstd"; }
  bool inside() const override { return inside_; }

  absl::StatusOr<Step> Run(std::string_view input, char* out, size_t room, bool) override {
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer output = {out, room, 0};
    // Between two frames there is nothing to flush, and a call would begin the next one.
    if (input.empty() && !inside_) return Step{};
    const size_t result = ZSTD_decompressStream(context_, &output, &in);
    if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge) {
      return TooLarge("zstd");
    }
    if (ZSTD_isError(result) != 0) {
      return DataLossError("zstd data are damaged: {}", ZSTD_getErrorName(result));
    }
    inside_ = result != 0;
    return Step{in.pos, output.pos};
  }

 private:
  ZSTD_DCtx* const context_ = ZSTD_createDCtx();
  bool inside_ = false;
};

class Lz4Decoder final : public StreamDecoder {
 public:
  Lz4Decoder() { LZ4F_createDecompressionContext(&context_, LZ4F_VERSION); }
  ~Lz4Decoder() override { LZ4F_freeDecompressionContext(context_); }
  std::string_view name() const override { return "lz4"; }
  bool inside() const override { return inside_; }

  absl::StatusOr<Step> Run(std::string_view input, char* out, size_t room, bool) override {
    if (input.empty() && !inside_) return Step{};
    size_t produced = room;
    size_t consumed = input.size();
    const size_t result =
        LZ4F_decompress(context_, out, &produced, input.data(), &consumed, nullptr);
    if (LZ4F_isError(result) != 0) {
      return DataLossError("lz4 data are damaged: {}", LZ4F_getErrorName(result));
    }
    inside_ = result != 0;
    return Step{consumed, produced};
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  bool inside_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> MakeXzDecoder() { return std::make_unique<XzDecoder>(); }
std::unique_ptr<StreamDecoder> MakeZstdDecoder() { return std::make_unique<ZstdDecoder>(); }
std::unique_ptr<StreamDecoder> MakeLz4Decoder() { return std::make_unique<Lz4Decoder>(); }

}  // namespace quern
