#include "mapreduce/task/user_code.h"

namespace quern::mr {

namespace {

constexpr char kPayload[] = "quern/user_error";

}  // namespace

absl::Status UserError(std::string_view message) {
  absl::Status status = MakeStatus(absl::StatusCode::kFailedPrecondition, message);
  status.SetPayload(kPayload, absl::Cord());
  return status;
}

bool IsUserError(const absl::Status& status) { return status.GetPayload(kPayload).has_value(); }

}  // namespace quern::mr
