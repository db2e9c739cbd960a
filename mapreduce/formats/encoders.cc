#include "mapreduce/formats/encoders.h"

#include <zlib.h>
#include <zstd.h>

namespace quern::mr {

namespace {

constexpr size_t kEncodedBytes = 256 << 10;
constexpr int kGzipLevel = 6;
constexpr int kZstdLevel = 3;

class GzipEncoder final : public StreamEncoder {
 public:
  GzipEncoder() {
    deflateInit2(&state_, kGzipLevel, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  }
  ~GzipEncoder() override { deflateEnd(&state_); }

  absl::Status Add(std::string_view bytes, const Sink& sink) override {
    constexpr size_t kMaxStepBytes = size_t{1} << 30;  // zlib counts in 32 bits
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kMaxStepBytes))) {
      RETURN_IF_ERROR(Run(bytes.substr(0, kMaxStepBytes), Z_NO_FLUSH, sink));
    }
    return absl::OkStatus();
  }
  absl::Status Finish(const Sink& sink) override { return Run({}, Z_FINISH, sink); }

 private:
  absl::Status Run(std::string_view bytes, int flush, const Sink& sink) {
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    state_.avail_in = static_cast<uInt>(bytes.size());
    do {
      state_.next_out = reinterpret_cast<Bytef*>(encoded_.get());
      state_.avail_out = kEncodedBytes;
      if (deflate(&state_, flush) == Z_STREAM_ERROR) return InternalError("gzip: cannot compress");
      RETURN_IF_ERROR(sink({encoded_.get(), kEncodedBytes - state_.avail_out}));
    } while (state_.avail_out == 0);
    return absl::OkStatus();
  }

  z_stream state_ = {};
  const std::unique_ptr<char[]> encoded_ = std::make_unique_for_overwrite<char[]>(kEncodedBytes);
};

class ZstdEncoder final : public StreamEncoder {
 public:
  ZstdEncoder() {
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ~ZstdEncoder() override { ZSTD_freeCCtx(context_); }

  absl::Status Add(std::string_view bytes, const Sink& sink) override {
    return Run(bytes, ZSTD_e_continue, sink);
  }
  absl::Status Finish(const Sink& sink) override { return Run({}, ZSTD_e_end, sink); }

 private:
  absl::Status Run(std::string_view bytes, ZSTD_EndDirective end, const Sink& sink) {
    ZSTD_inBuffer input = {bytes.data(), bytes.size(), 0};
    size_t left = 0;
    do {
      ZSTD_outBuffer output = {encoded_.get(), kEncodedBytes, 0};
      left = ZSTD_compressStream2(context_, &output, &input, end);
      if (ZSTD_isError(left) != 0) return InternalError("zstd: {}", ZSTD_getErrorName(left));
      RETURN_IF_ERROR(sink({encoded_.get(), output.pos}));
    } while (end == ZSTD_e_end ? left > 0 : input.pos < input.size);
    return absl::OkStatus();
  }

  ZSTD_CCtx* const context_ = ZSTD_createCCtx();
  const std::unique_ptr<char[]> encoded_ = std::make_unique_for_overwrite<char[]>(kEncodedBytes);
};

}  // namespace

const std::vector<std::string>& EncoderNames() {
  static const std::vector<std::string> names = {"none", "gzip", "zstd"};
  return names;
}

absl::StatusOr<std::unique_ptr<StreamEncoder>> MakeEncoder(std::string_view name) {
  if (name.empty() || name == "none") return std::unique_ptr<StreamEncoder>();
  if (name == "gzip") return std::make_unique<GzipEncoder>();
  if (name == "zstd") return std::make_unique<ZstdEncoder>();
  return InvalidArgumentError("codec '{}': is none of {}", name, fmt::join(EncoderNames(), ", "));
}

std::string_view EncoderExtension(std::string_view name) {
  if (name == "gzip") return ".gz";
  if (name == "zstd") return ".zst";
  return {};
}

}  // namespace quern::mr
