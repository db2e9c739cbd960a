#include "mapreduce/cli/warning.h"

#include "common/cli/json_line.h"
#include "common/cli/output.h"

namespace quern::mr {

void Warn(const Session& session, std::string_view command, std::string_view text) {
  if (session.json) {
    Err().Format("{}\n", WarningJson(text).ToString());
  } else {
    Err().Format("{}: {}\n", command, text);
  }
}

}  // namespace quern::mr
