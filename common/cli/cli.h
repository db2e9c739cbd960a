// What every command line shares: exit codes, one-line errors, sizes, tables, progress,
// suggestions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/cli/progress.h"
#include "common/cli/table.h"
#include "common/sizes.h"
#include "common/status.h"

namespace quern {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitRejected = 3,       // `mr run`: the job was surely not accepted
  kExitInterrupted = 130,  // 128 + SIGINT, as shells do
};

// The candidate that `word` was probably meant to be; empty when none is near.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

// "put: /a: no such file" + "\n": what goes to stderr. Never more than one line; control characters
// and bytes that are not UTF-8 are escaped.
std::string ErrorLine(std::string_view command, const absl::Status& status);

// "a,b,,c" -> {"a", "b", "c"}; blanks around parts are cut.
std::vector<std::string> SplitList(std::string_view text, char separator = ',');

}  // namespace quern
