#include "client/write/writer_identity.h"

#include <fmt/format.h>

namespace quern::client {

absl::Status OfFile(const absl::Status& status, std::string_view path) {
  if (status.ok()) return status;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  std::string_view message = Message(status);
  if (message.starts_with(name) && message.substr(name.size()).starts_with(": ")) {
    message.remove_prefix(name.size() + 2);
  }
  return MakeStatus(status.code(), fmt::format("{}: {}", path, message));
}

}  // namespace quern::client
