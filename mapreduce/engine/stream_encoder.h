// Compresses what goes to an output file.
#pragma once

#include <functional>
#include <string_view>

#include "common/status.h"

namespace quern::mr {

// Used by one thread. After an error the encoder is over.
class StreamEncoder {
 public:
  using Sink = std::function<absl::Status(std::string_view)>;

  virtual ~StreamEncoder() = default;
  // Hands over what the bytes have become so far; some may stay inside.
  virtual absl::Status Add(std::string_view bytes, const Sink& sink) = 0;
  // The rest, and the end of the stream.
  virtual absl::Status Finish(const Sink& sink) = 0;
};

}  // namespace quern::mr
