#include "mapreduce/task/user_code.h"

namespace quern::mr {

namespace {

constexpr char kPayload[] = "quern/user_error";
constexpr char kJobPayload[] = "quern/job_error";

}  // namespace

absl::Status UserError(std::string_view message) {
  absl::Status status = MakeStatus(absl::StatusCode::kFailedPrecondition, message);
  status.SetPayload(kPayload, absl::Cord());
  return status;
}

bool IsUserError(const absl::Status& status) { return status.GetPayload(kPayload).has_value(); }

absl::Status JobError(std::string_view message) {
  absl::Status status = UserError(message);
  status.SetPayload(kJobPayload, absl::Cord());
  return status;
}

absl::Status DamageIsEnvironment(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kDataLoss || IsUserError(status)) return status;
  return UnavailableError("scratch disk: {}", Message(status));
}

bool IsJobError(const absl::Status& status) { return status.GetPayload(kJobPayload).has_value(); }

}  // namespace quern::mr
