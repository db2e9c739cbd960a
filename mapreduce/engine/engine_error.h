// How a failure of the engine travels through user code: as an exception, since Emit returns
// nothing.
#pragma once

#include <exception>
#include <string>

#include "common/status.h"

namespace quern::mr {

// Thrown by the engine inside Emit and caught around the call of user code. User code that swallows
// it gains nothing: sinks keep their first error and fail at Finish.
class EngineError : public std::exception {
 public:
  explicit EngineError(absl::Status status) : status_(std::move(status)), text_(Message(status_)) {}
  const char* what() const noexcept override { return text_.c_str(); }
  const absl::Status& status() const { return status_; }

 private:
  const absl::Status status_;
  const std::string text_;
};

}  // namespace quern::mr
