// Input files whose contents are compressed, as streams of what is in them
// (common/codecs/content_decoder.h).
#pragma once

#include <memory>
#include <string_view>

#include "common/codecs/content_decoder.h"
#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// InvalidArgument for a file that is compressed: for one that is to be read in pieces.
absl::Status CheckNotCompressed(ReadableFile* file);

// The contents of a file, decoded. Errors of Next are those of the storage.
class DecodedStream : public ByteStream {
 public:
  // As ContentDecoder has it.
  virtual bool damaged() const = 0;
};

// How readers count contents that are damaged, and records that are longer than records may be.
inline constexpr char kBadMember[] = "bad_member";
inline constexpr char kTooLargeReason[] = "too_large";

// What is not compressed is given as it is. Contents hold little memory whatever they expand to:
// who gathers them has limits.
absl::StatusOr<std::unique_ptr<DecodedStream>> DecodeByContent(std::unique_ptr<ByteStream> raw);

}  // namespace quern::mr
