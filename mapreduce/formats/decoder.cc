#include "mapreduce/formats/decoder.h"

#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "mapreduce/formats/input_format.h"

namespace quern::mr {

namespace {

constexpr size_t kOutputBytes = 256 << 10;
// What has to be seen to know a compression.
constexpr size_t kMagicBytes = 10;

// A stream whose first bytes have been taken already.
class Peeked final : public ByteStream {
 public:
  Peeked(std::unique_ptr<ByteStream> rest, std::string first)
      : rest_(std::move(rest)), first_(std::move(first)) {}
  absl::StatusOr<std::string_view> Next() override {
    if (std::exchange(started_, true) || first_.empty()) {
      std::string().swap(first_);
      return rest_->Next();
    }
    return std::string_view(first_);
  }

 private:
  const std::unique_ptr<ByteStream> rest_;
  std::string first_;
  bool started_ = false;
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
    while (state_.avail_out == kOutputBytes && !trailing_) {
      if (state_.avail_in == 0) {
        ASSIGN_OR_RETURN(const std::string_view more, raw_->Next());
        if (more.empty()) {
          if (inside_) return DataLossError("gzip data end in the middle");
          break;
        }
        state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(more.data()));
        state_.avail_in = static_cast<uInt>(more.size());
      }
      trailing_ = members_ > 0 && !IsMember();
      if (trailing_) break;
      const int result = inflate(&state_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return DataLossError("gzip data are damaged: {}", state_.msg == nullptr ? "" : state_.msg);
      }
      inside_ = result != Z_STREAM_END;
      if (!inside_) EndMember();
    }
    return std::string_view(output_.get(), kOutputBytes - state_.avail_out);
  }

 private:
  // Another member may follow.
  void EndMember() {
    inflateReset(&state_);
    ++members_;
    start_bytes_ = 0;
  }

  // Looks at the first two bytes behind a member, which may lie in different pieces. What is no
  // member (zeros that fill up the last block of a tape, say) is no part of the data: gunzip passes
  // over it too.
  bool IsMember() {
    constexpr unsigned char kMagic[] = {0x1f, 0x8b};
    for (uInt i = 0; i < state_.avail_in && start_bytes_ < 2; ++i) {
      if (state_.next_in[i] != kMagic[start_bytes_++]) return false;
    }
    return true;
  }

  const std::unique_ptr<ByteStream> raw_;
  const std::unique_ptr<char[]> output_ = std::make_unique_for_overwrite<char[]>(kOutputBytes);
  z_stream state_ = {};
  bool inside_ = false;  // a member has begun and not ended
  uint64_t members_ = 0;
  size_t start_bytes_ = 0;  // of the present member, looked at
  bool trailing_ = false;   // what comes is no member any more
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
  if (first_bytes.starts_with("\x1f\x8b") || first_bytes.starts_with("\x28\xb5\x2f\xfd")) {
    return true;
  }
  // A frame to skip (RFC 8878, 3.1.2), which parallel compressors put before each real one.
  return first_bytes.size() >= 4 && (static_cast<unsigned char>(first_bytes[0]) & 0xf0) == 0x50 &&
         first_bytes.substr(1, 3) == "\x2a\x4d\x18";
}

absl::Status RefuseOtherCompression(std::string_view first_bytes) {
  const auto refuse = [](std::string_view name, std::string_view tool) {
    return InvalidArgumentError(
        "is compressed with {}, which is not read. Try: {} it first, or gzip or zstd", name, tool);
  };
  constexpr std::string_view kXz("\xfd\x37\x7a\x58\x5a\x00", 6);
  if (first_bytes.starts_with("BZh") && first_bytes.substr(4).starts_with("1AY&SY")) {
    return refuse("bzip2", "bunzip2");
  }
  if (first_bytes.starts_with(kXz)) return refuse("xz", "unxz");
  if (first_bytes.starts_with("\x04\x22\x4d\x18")) return refuse("lz4", "unlz4");
  return absl::OkStatus();
}

absl::Status CheckNotCompressed(ReadableFile* file) {
  ASSIGN_OR_RETURN(const std::string start, ReadFirstBytes(file, kMagicBytes));
  return RefuseOtherCompression(start);
}

absl::StatusOr<std::unique_ptr<ByteStream>> DecodeByContent(std::unique_ptr<ByteStream> raw,
                                                            OtherCompression others) {
  std::string first;
  while (first.size() < kMagicBytes) {
    ASSIGN_OR_RETURN(const std::string_view piece, raw->Next());
    if (piece.empty()) break;
    first += piece;
  }
  if (others == OtherCompression::kRefuse) RETURN_IF_ERROR(RefuseOtherCompression(first));
  const bool gzip = first.starts_with('\x1f');
  const bool compressed = LooksCompressed(first);
  std::unique_ptr<ByteStream> whole = std::make_unique<Peeked>(std::move(raw), std::move(first));
  if (!compressed) return whole;
  if (gzip) return std::make_unique<GzipStream>(std::move(whole));
  return std::make_unique<ZstdStream>(std::move(whole));
}

}  // namespace quern::mr
