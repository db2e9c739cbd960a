// The errors that come out of user code.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/engine_error.h"
#include "mapreduce/engine/no_record.h"

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

// Runs `call` of the engine; an EngineError becomes the status that it carries.
template <typename Call>
absl::Status CatchEngineError(Call call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const EngineError& error) {
    return error.status();
  }
}

}  // namespace quern::mr
