#include "common/codecs/content_decoder.h"

#include <utility>

namespace quern {

namespace {

constexpr size_t kOutputBytes = 256 << 10;

using MakeDecoder = std::unique_ptr<StreamDecoder> (*)();

// nullptr when the bytes are not compressed.
MakeDecoder DecoderOf(std::string_view first_bytes) {
  constexpr std::string_view kXz("\xfd\x37\x7a\x58\x5a\x00", 6);
  if (first_bytes.starts_with("\x1f\x8b")) return MakeGzipDecoder;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return MakeZstdDecoder;
  if (first_bytes.starts_with("\x04\x22\x4d\x18")) return MakeLz4Decoder;
  if (first_bytes.starts_with(kXz)) return MakeXzDecoder;
  // "BZh9" alone may begin a text; what follows is the mark of a block, or that of the end in a
  // stream of nothing.
  if (first_bytes.starts_with("BZh") && first_bytes.size() >= kMagicBytes) {
    const std::string_view mark = first_bytes.substr(4, 6);
    if (mark == "1AY&SY" || mark == "\x17\x72\x45\x38\x50\x90") return MakeBzip2Decoder;
  }
  // A frame to skip (RFC 8878, 3.1.2), which parallel zstd compressors put before each real one.
  if (first_bytes.size() >= 4 && (static_cast<unsigned char>(first_bytes[0]) & 0xf0) == 0x50 &&
      first_bytes.substr(1, 3) == "\x2a\x4d\x18") {
    return MakeZstdDecoder;
  }
  return nullptr;
}

}  // namespace

bool LooksCompressed(std::string_view first_bytes) { return DecoderOf(first_bytes) != nullptr; }

absl::StatusOr<std::unique_ptr<ContentDecoder>> ContentDecoder::Open(Source source) {
  std::string first;
  while (first.size() < kMagicBytes) {
    ASSIGN_OR_RETURN(const std::string_view piece, source());
    if (piece.empty()) break;
    first += piece;
  }
  const MakeDecoder make = DecoderOf(first);
  return std::unique_ptr<ContentDecoder>(
      new ContentDecoder(std::move(source), std::move(first), make == nullptr ? nullptr : make()));
}

ContentDecoder::ContentDecoder(Source source, std::string first,
                               std::unique_ptr<StreamDecoder> decoder)
    : source_(std::move(source)),
      first_(std::move(first)),
      decoder_(std::move(decoder)),
      output_(decoder_ == nullptr ? nullptr
                                  : std::make_unique_for_overwrite<char[]>(kOutputBytes)) {}

absl::StatusOr<std::string_view> ContentDecoder::NextRaw() {
  if (std::exchange(started_, true) || first_.empty()) {
    std::string().swap(first_);
    return source_();
  }
  return std::string_view(first_);
}

absl::StatusOr<std::string_view> ContentDecoder::Next() {
  if (decoder_ == nullptr) return NextRaw();
  while (damage_.ok()) {
    if (input_.empty() && !eof_) {
      ASSIGN_OR_RETURN(input_, NextRaw());
      eof_ = input_.empty();
    }
    // There may be more to give without more input: steps go on until one gives nothing.
    const absl::StatusOr<StreamDecoder::Step> step =
        decoder_->Run(input_, output_.get(), kOutputBytes, eof_);
    if (absl::IsDataLoss(step.status())) {
      damage_ = step.status();
      break;
    }
    RETURN_IF_ERROR(step.status());
    input_.remove_prefix(step->consumed);
    if (step->produced > 0) return std::string_view(output_.get(), step->produced);
    if (step->consumed > 0) continue;
    if (eof_) {
      if (decoder_->inside()) damage_ = DataLossError("{} data end too early", decoder_->name());
      break;
    }
    // It makes nothing of what is there.
    if (!input_.empty()) damage_ = DataLossError("{} data are damaged", decoder_->name());
  }
  return std::string_view();
}

}  // namespace quern
