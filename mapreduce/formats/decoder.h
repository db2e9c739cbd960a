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

// `raw` itself when it is not compressed. Several members or frames one after another are one
// stream; what stands behind the last member of gzip or bzip2 and is none is passed over, as gunzip
// does. DataLoss from Next when the bytes are damaged, end too early, or ask for more memory than
// kMaxDecoderBytes. A stream holds little memory whatever it expands to: who gathers it has limits.
absl::StatusOr<std::unique_ptr<ByteStream>> DecodeByContent(std::unique_ptr<ByteStream> raw);

// Dictionaries of `xz -9` and `zstd --long` are this large.
inline constexpr size_t kMaxDecoderBytes = size_t{128} << 20;

}  // namespace quern::mr
