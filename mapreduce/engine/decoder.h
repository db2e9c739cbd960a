// Decompresses gzip and zstd streams, recognized by their first bytes.
#pragma once

#include <memory>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// True when the first bytes of a file are those of gzip or zstd. Four bytes are enough.
bool LooksCompressed(std::string_view first_bytes);

// `raw` itself when it is not compressed. Several gzip members or zstd frames one after another are
// one stream. DataLoss from Next when the bytes are damaged or end too early.
absl::StatusOr<std::unique_ptr<ByteStream>> DecodeByContent(std::unique_ptr<ByteStream> raw);

}  // namespace quern::mr
