// Record files as text: key TAB value LF, as jobs write text.
#pragma once

#include <functional>
#include <string_view>

#include "common/records/block_scanner.h"
#include "common/status.h"

namespace quern::shell {

// Whether a file that begins like this is one.
bool LooksLikeRecordFile(std::string_view first_bytes);

// Hands the lines of all records to `write`. DataLoss at the end when blocks were damaged: the
// others have been written.
absl::Status WriteRecordsAsText(PeekableFile* file, uint64_t length,
                                const std::function<absl::Status(std::string_view)>& write);

}  // namespace quern::shell
