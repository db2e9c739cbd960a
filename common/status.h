// Errors: absl::Status throughout, built with fmt and std::string_view.
//
// Whether a caller may retry depends on the code alone (docs/architecture.md, "Errors"). Each layer
// adds its step and object with Annotate. The macros carry the names that later Abseil gave them.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace quern {

// The border to this Abseil's own string_view, which does not convert from std's.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

// Text of a status without its code.
inline std::string_view Message(const absl::Status& status) { return ToStd(status.message()); }

[[nodiscard]] absl::Status MakeStatus(absl::StatusCode code, std::string_view message);

// One function per code: NotFoundError("{}: no such file", path).
#define QUERN_DEFINE_ERROR(Name)                                                               \
  template <typename... Args>                                                                  \
  [[nodiscard]] absl::Status Name##Error(fmt::format_string<Args...> format, Args&&... args) { \
    return MakeStatus(absl::StatusCode::k##Name,                                               \
                      fmt::format(format, std::forward<Args>(args)...));                       \
  }
QUERN_DEFINE_ERROR(Aborted)
QUERN_DEFINE_ERROR(AlreadyExists)
QUERN_DEFINE_ERROR(Cancelled)
QUERN_DEFINE_ERROR(DataLoss)
QUERN_DEFINE_ERROR(DeadlineExceeded)
QUERN_DEFINE_ERROR(FailedPrecondition)
QUERN_DEFINE_ERROR(Internal)
QUERN_DEFINE_ERROR(InvalidArgument)
QUERN_DEFINE_ERROR(NotFound)
QUERN_DEFINE_ERROR(OutOfRange)
QUERN_DEFINE_ERROR(PermissionDenied)
QUERN_DEFINE_ERROR(ResourceExhausted)
QUERN_DEFINE_ERROR(Unavailable)
QUERN_DEFINE_ERROR(Unimplemented)
#undef QUERN_DEFINE_ERROR

// The same code with "step: " before the message. OK stays OK.
[[nodiscard]] absl::Status Annotate(const absl::Status& status, std::string_view step);

// From errno: ENOENT -> NotFound, ENOSPC and EDQUOT -> ResourceExhausted, EIO -> DataLoss; what
// this process lacks at the moment (descriptors, memory) -> Unavailable; ...
[[nodiscard]] absl::Status ErrnoStatus(int error_number, std::string_view step);

// True for codes on which the same request may be sent again, perhaps to another replica.
bool IsRetryable(const absl::Status& status);

}  // namespace quern

#define RETURN_IF_ERROR(expression)                                                             \
  do {                                                                                          \
    if (::absl::Status quern_status_ = (expression); !quern_status_.ok()) return quern_status_; \
  } while (false)

#define QUERN_CONCAT_INNER(a, b) a##b
#define QUERN_CONCAT(a, b) QUERN_CONCAT_INNER(a, b)
#define ASSIGN_OR_RETURN(left, expression) \
  QUERN_ASSIGN_OR_RETURN(QUERN_CONCAT(quern_statusor_, __LINE__), left, expression)
#define QUERN_ASSIGN_OR_RETURN(temporary, left, expression)  \
  auto temporary = (expression);                             \
  if (!temporary.ok()) return std::move(temporary).status(); \
  left = std::move(temporary).value()
