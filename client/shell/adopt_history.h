// dfs admin adopt-history: says what a master that was started from an old copy would forget, and,
// confirmed, lets it go on without that.
#pragma once

#include "common/status.h"

namespace quern::shell {

class Shell;

absl::Status AdoptHistory(Shell* shell, bool confirm);

}  // namespace quern::shell
