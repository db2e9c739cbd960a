// Calls of user code, and the errors that come out of them.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "common/clean_text.h"
#include "common/status.h"
#include "mapreduce/engine/engine_error.h"
#include "mapreduce/engine/report_limits.h"

namespace quern::mr {

// A failure that the user's code is to blame for; others are the machine's or the input's.
absl::Status UserError(std::string_view message);
bool IsUserError(const absl::Status& status);
// A failure that no other attempt and no other task would escape: the job ends with it.
absl::Status JobError(std::string_view message);
bool IsJobError(const absl::Status& status);

// What a task wrote to its scratch disk and cannot read back is the machine's fault: DataLoss
// becomes Unavailable.
absl::Status DamageIsEnvironment(const absl::Status& status);

// Runs `call`. An exception becomes a UserError "what: threw: text"; an EngineError that passed
// through becomes the status that it carries.
template <typename Call>
absl::Status CallUser(std::string_view what, Call call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const EngineError& error) {
    return error.status();
  } catch (const std::exception& error) {
    return UserError(fmt::format("{} threw: {}", what, CleanLine(error.what(), kMaxFailureBytes)));
  } catch (...) {
    return UserError(fmt::format("{} threw something that is no std::exception", what));
  }
}

}  // namespace quern::mr
