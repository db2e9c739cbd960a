// Decompresses streams by their content: gzip, bzip2, xz, zstd and lz4.
#pragma once

#include <memory>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// True when the first bytes of a file are those of a compressed one. Ten bytes are enough.
bool LooksCompressed(std::string_view first_bytes);

// InvalidArgument for a file that is compressed: for one that is to be read in pieces.
absl::Status CheckNotCompressed(ReadableFile* file);

// The contents of a file, decoded. Errors of Next are those of the storage.
class DecodedStream : public ByteStream {
 public:
  // At the end: whether they end where compressed bytes are damaged, end too early, or ask for more
  // memory than kMaxDecoderBytes. What was decoded before has been given.
  virtual bool damaged() const = 0;
};

// How readers count contents that are damaged.
inline constexpr char kBadMember[] = "bad_member";

// `raw` itself when it is not compressed. Several members or frames one after another are one
// stream; what stands behind the last member of gzip or bzip2 and is none is passed over, as gunzip
// does. Contents hold little memory whatever they expand to: who gathers them has limits.
absl::StatusOr<std::unique_ptr<DecodedStream>> DecodeByContent(std::unique_ptr<ByteStream> raw);

// Dictionaries of `xz -9` and `zstd --long` are this large.
inline constexpr size_t kMaxDecoderBytes = size_t{128} << 20;

}  // namespace quern::mr
