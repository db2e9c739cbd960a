#include "mapreduce/engine/decoder.h"

#include <zlib.h>
#include <zstd.h>

#include <utility>

namespace quern::mr {

namespace {

constexpr size_t kOutputBytes = 256 << 10;

// A stream whose first piece has been looked at already.
class Peeked final : public ByteStream {
 public:
  Peeked(std::unique_ptr<ByteStream> rest, std::string_view first)
      : rest_(std::move(rest)), first_(first) {}
  absl::StatusOr<std::string_view> Next() override {
    if (first_.empty()) return rest_->Next();
    return std::exchange(first_, {});
  }

 private:
  const std::unique_ptr<ByteStream> rest_;
  std::string_view first_;  // lives in rest_ until its next Next
};

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(std::unique_ptr<ByteStream> raw) : raw_(std::move(raw)) {
    inflateInit2(&state_, 15 + 16);  // the largest window, gzip headers
  }
  ~GzipStream() override { inflateEnd(&state_); }

  absl::StatusOr<std::string_view> Next() override {
    state_.next_out = reinterpret_cast<Bytef*>(output_.get());
    state_.avail_out = kOutputBytes;
    while (state_.avail_out == kOutputBytes) {
      if (state_.avail_in == 0) {
        ASSIGN_OR_RETURN(const std::string_view more, raw_->Next());
        if (more.empty()) {
          if (inside_) return DataLossError("gzip data end in the middle");
          break;
        }
        state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(more.data()));
        state_.avail_in = static_cast<uInt>(more.size());
      }
      const int result = inflate(&state_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return DataLossError("gzip data are damaged: {}", state_.msg == nullptr ? "" : state_.msg);
      }
      inside_ = result != Z_STREAM_END;
      if (!inside_) inflateReset(&state_);  // another member may follow
    }
    return std::string_view(output_.get(), kOutputBytes - state_.avail_out);
  }

 private:
  const std::unique_ptr<ByteStream> raw_;
  const std::unique_ptr<char[]> output_ = std::make_unique_for_overwrite<char[]>(kOutputBytes);
  z_stream state_ = {};
  bool inside_ = false;  // a member has begun and not ended
};

class ZstdStream final : public ByteStream {
 public:
  explicit ZstdStream(std::unique_ptr<ByteStream> raw) : raw_(std::move(raw)) {}
  ~ZstdStream() override { ZSTD_freeDCtx(context_); }

  absl::StatusOr<std::string_view> Next() override {
    ZSTD_outBuffer output = {output_.get(), kOutputBytes, 0};
    while (output.pos == 0) {
      if (input_.pos == input_.size && !flushing_) {
        ASSIGN_OR_RETURN(const std::string_view more, raw_->Next());
        if (more.empty()) {
          if (inside_) return DataLossError("zstd data end in the middle");
          break;
        }
        input_ = {more.data(), more.size(), 0};
      }
      const size_t result = ZSTD_decompressStream(context_, &output, &input_);
      if (ZSTD_isError(result) != 0) {
        return DataLossError("zstd data are damaged: {}", ZSTD_getErrorName(result));
      }
      inside_ = result != 0;
      // With the output full there may be more without more input, unless the frame has ended.
      flushing_ = inside_ && output.pos == output.size;
    }
    return std::string_view(output_.get(), output.pos);
  }

 private:
  const std::unique_ptr<ByteStream> raw_;
  const std::unique_ptr<char[]> output_ = std::make_unique_for_overwrite<char[]>(kOutputBytes);
  ZSTD_DCtx* const context_ = ZSTD_createDCtx();
  ZSTD_inBuffer input_ = {nullptr, 0, 0};
  bool inside_ = false;
  bool flushing_ = false;
};

}  // namespace

bool LooksCompressed(std::string_view first_bytes) {
  return first_bytes.starts_with("\x1f\x8b") || first_bytes.starts_with("\x28\xb5\x2f\xfd");
}

absl::StatusOr<std::unique_ptr<ByteStream>> DecodeByContent(std::unique_ptr<ByteStream> raw) {
  ASSIGN_OR_RETURN(const std::string_view first, raw->Next());
  std::unique_ptr<ByteStream> whole = std::make_unique<Peeked>(std::move(raw), first);
  if (!LooksCompressed(first)) return whole;
  if (first.starts_with('\x1f')) return std::make_unique<GzipStream>(std::move(whole));
  return std::make_unique<ZstdStream>(std::move(whole));
}

}  // namespace quern::mr
