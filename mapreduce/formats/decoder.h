// Decompresses gzip and zstd streams, recognized by their first bytes.
#pragma once

#include <memory>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// True when the first bytes of a file are those of gzip or zstd. Four bytes are enough.
bool LooksCompressed(std::string_view first_bytes);

// InvalidArgument when they are those of bzip2, xz or lz4, which are known but not read: taken for
// text they would give nonsense. Ten bytes are enough.
absl::Status RefuseOtherCompression(std::string_view first_bytes);
// The same for the first bytes of a file that is read in pieces.
absl::Status CheckNotCompressed(ReadableFile* file);

enum class OtherCompression {
  kRefuse,
  kPassOn,  // as bytes like any others
};

// `raw` itself when it is not compressed. Several gzip members or zstd frames one after another are
// one stream; what stands behind the last gzip member and is none is passed over, as gunzip does.
// DataLoss from Next when the bytes are damaged or end too early.
absl::StatusOr<std::unique_ptr<ByteStream>> DecodeByContent(
    std::unique_ptr<ByteStream> raw, OtherCompression others = OtherCompression::kRefuse);

}  // namespace quern::mr
