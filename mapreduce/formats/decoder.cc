#include "mapreduce/formats/decoder.h"

#include <string>
#include <utility>

#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/stream_decoders.h"

namespace quern::mr {

namespace {

constexpr size_t kOutputBytes = 256 << 10;
// What has to be seen to know a compression.
constexpr size_t kMagicBytes = 10;

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

// A stream whose first bytes have been taken already.
class Peeked final : public DecodedStream {
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
  bool damaged() const override { return false; }

 private:
  const std::unique_ptr<ByteStream> rest_;
  std::string first_;
  bool started_ = false;
};

class Decoded final : public DecodedStream {
 public:
  Decoded(std::unique_ptr<ByteStream> raw, std::unique_ptr<StreamDecoder> decoder)
      : raw_(std::move(raw)), decoder_(std::move(decoder)) {}

  absl::StatusOr<std::string_view> Next() override {
    while (!damaged_) {
      if (input_.empty() && !eof_) {
        ASSIGN_OR_RETURN(input_, raw_->Next());
        eof_ = input_.empty();
      }
      // There may be more to give without more input: steps go on until one gives nothing.
      const absl::StatusOr<StreamDecoder::Step> step =
          decoder_->Run(input_, output_.get(), kOutputBytes, eof_);
      damaged_ = absl::IsDataLoss(step.status());
      if (damaged_) break;
      RETURN_IF_ERROR(step.status());
      input_.remove_prefix(step->consumed);
      if (step->produced > 0) return std::string_view(output_.get(), step->produced);
      if (step->consumed > 0) continue;
      if (eof_) {
        damaged_ = decoder_->inside();
        break;
      }
      damaged_ = !input_.empty();  // it makes nothing of what is there
    }
    return std::string_view();
  }
  bool damaged() const override { return damaged_; }

 private:
  const std::unique_ptr<ByteStream> raw_;
  const std::unique_ptr<StreamDecoder> decoder_;
  const std::unique_ptr<char[]> output_ = std::make_unique_for_overwrite<char[]>(kOutputBytes);
  std::string_view input_;
  bool eof_ = false;
  bool damaged_ = false;
};

}  // namespace

bool LooksCompressed(std::string_view first_bytes) { return DecoderOf(first_bytes) != nullptr; }

absl::Status CheckNotCompressed(ReadableFile* file) {
  ASSIGN_OR_RETURN(const std::string start, ReadFirstBytes(file, kMagicBytes));
  if (!LooksCompressed(start)) return absl::OkStatus();
  return InvalidArgumentError("is compressed, and cannot be read in pieces");
}

absl::StatusOr<std::unique_ptr<DecodedStream>> DecodeByContent(std::unique_ptr<ByteStream> raw) {
  std::string first;
  while (first.size() < kMagicBytes) {
    ASSIGN_OR_RETURN(const std::string_view piece, raw->Next());
    if (piece.empty()) break;
    first += piece;
  }
  const MakeDecoder make = DecoderOf(first);
  std::unique_ptr<DecodedStream> whole = std::make_unique<Peeked>(std::move(raw), std::move(first));
  if (make == nullptr) return whole;
  return std::make_unique<Decoded>(std::move(whole), make());
}

}  // namespace quern::mr
