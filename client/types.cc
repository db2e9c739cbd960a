#include "client/types.h"

namespace quern::client {

std::string FileStatus::name() const {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || path.size() == 1) return path;
  return path.substr(slash + 1);
}

}  // namespace quern::client
