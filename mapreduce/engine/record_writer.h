// Turns records into the bytes of an output file, whatever its format (mapreduce/formats/).
#pragma once

#include <string_view>

#include "common/status.h"

namespace quern::mr {

// Used by one thread. After an error the writer is over.
class RecordWriter {
 public:
  virtual ~RecordWriter() = default;
  // Both views may go away afterwards.
  virtual absl::Status Append(std::string_view key, std::string_view value) = 0;
  // Hands what is still held to the file, which stays open. Nothing may be appended afterwards.
  virtual absl::Status Close() = 0;
};

}  // namespace quern::mr
