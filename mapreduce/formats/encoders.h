// Compression of whole output files of lines.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/stream_encoder.h"

namespace quern::mr {

// none, gzip, zstd.
const std::vector<std::string>& EncoderNames();
// nullptr for "none" and ""; InvalidArgument for a name that is none of these.
absl::StatusOr<std::unique_ptr<StreamEncoder>> MakeEncoder(std::string_view name);
// What names of such files end with: ".gz", ".zst", or nothing.
std::string_view EncoderExtension(std::string_view name);

}  // namespace quern::mr
