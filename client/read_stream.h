// The bytes of a range of a file, in order.
#pragma once

#include <string_view>

#include "common/status.h"

namespace quern::client {

// Made by FileReader::Stream. Asks for the next chunk before the present one ends. Used by one
// thread at a time; holds at most about 16 MiB.
class ReadStream {
 public:
  virtual ~ReadStream() = default;
  ReadStream(const ReadStream&) = delete;
  ReadStream& operator=(const ReadStream&) = delete;

  // The next bytes, at most 1 MiB, valid until the next call. Empty at the end of the range.
  // After an error the stream is over.
  virtual absl::StatusOr<std::string_view> Next() = 0;

 protected:
  ReadStream() = default;
};

}  // namespace quern::client
