#include "mapreduce/formats/decoder.h"

#include <string>
#include <utility>

#include "mapreduce/formats/input_format.h"

namespace quern::mr {

namespace {

class Decoded final : public DecodedStream {
 public:
  Decoded(std::unique_ptr<ByteStream> raw, std::unique_ptr<ContentDecoder> decoder)
      : raw_(std::move(raw)), decoder_(std::move(decoder)) {}
  absl::StatusOr<std::string_view> Next() override { return decoder_->Next(); }
  bool damaged() const override { return decoder_->damaged(); }

 private:
  const std::unique_ptr<ByteStream> raw_;  // what the decoder reads
  const std::unique_ptr<ContentDecoder> decoder_;
};

}  // namespace

absl::Status CheckNotCompressed(ReadableFile* file) {
  ASSIGN_OR_RETURN(const std::string start, ReadFirstBytes(file, kMagicBytes));
  if (!LooksCompressed(start)) return absl::OkStatus();
  return InvalidArgumentError("is compressed, and cannot be read in pieces");
}

absl::StatusOr<std::unique_ptr<DecodedStream>> DecodeByContent(std::unique_ptr<ByteStream> raw) {
  ByteStream* const stream = raw.get();
  ASSIGN_OR_RETURN(auto decoder, ContentDecoder::Open([stream] { return stream->Next(); }));
  return std::make_unique<Decoded>(std::move(raw), std::move(decoder));
}

}  // namespace quern::mr
