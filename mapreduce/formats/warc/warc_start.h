// What a WARC file is whose first bytes are none that one begins with.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

enum class WarcContents {
  kNone,  // no record begins anywhere
  kPlain,
  kGzip,
  kZstd,
};

// So many bytes show one: the zeros before it, "WARC/" and the beginning of the number.
inline constexpr size_t kVersionLineBytes = 11;

// Where a record begins in these bytes: behind the end of a line, or the zeros of a block that was
// lost, and not with the first of them. npos when nowhere. One that ends within the last
// kVersionLineBytes - 1 of them may need what comes behind them.
size_t FindVersionLine(std::string_view bytes);

// What the first record behind a damaged head is stored as. All of the file is looked through when
// there is none.
absl::StatusOr<WarcContents> FindFirstRecord(ReadableFile* file);

}  // namespace quern::mr
