// Reads a range of a file step by step.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "common/status.h"
#include "common/storage/file_io.h"

namespace quern::chunkserver {

// Calls `visit` with the bytes of [start, end). DataLoss when the file is shorter.
absl::Status VisitBytes(File* file, uint64_t start, uint64_t end,
                        const std::function<void(std::string_view)>& visit);

}  // namespace quern::chunkserver
