// Where the directories of a run are made that go with it.
#pragma once

#include <cstdlib>
#include <string>

namespace quern {

// $TMPDIR, or /tmp.
inline std::string TemporaryRoot() {
  const char* const dir = std::getenv("TMPDIR");
  return dir != nullptr && *dir != '\0' ? dir : "/tmp";
}

}  // namespace quern
