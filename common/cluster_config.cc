#include "common/cluster_config.h"

#include <toml++/toml.h>

#include <cstdlib>

#include "common/cli/cli.h"
#include "common/host_port.h"
#include "common/storage/file_io.h"

namespace quern {
namespace {

absl::StatusOr<std::vector<std::string>> ParseAddresses(std::string_view source,
                                                        std::string_view text) {
  std::vector<std::string> addresses = SplitList(text);
  if (addresses.empty()) return InvalidArgumentError("{}: no address in '{}'", source, text);
  for (const std::string& address : addresses) {
    const auto parsed = ParseHostPort(address);
    if (!parsed.ok()) return Annotate(parsed.status(), source);
  }
  return addresses;
}

std::string ConfigPath() {
  // XDG Base Directory Specification.
  if (const char* xdg = std::getenv("XDG_CONFIG_HOME"); xdg != nullptr && *xdg == '/') {
    return std::string(xdg) + "/quern/config.toml";
  }
  const char* home = std::getenv("HOME");
  return home == nullptr ? "" : std::string(home) + "/.config/quern/config.toml";
}

// The value of `key`; empty when there is no file or no such key.
absl::StatusOr<std::string> ReadConfig(const std::string& path, std::string_view key) {
  const auto text = ReadFileToString(FileSystem::Real(), path);
  if (absl::IsNotFound(text.status())) return std::string();
  if (!text.ok()) return text.status();
  try {
    const toml::table table = toml::parse(*text, path);
    if (!table.contains(key)) return std::string();
    const auto value = table[key].value<std::string>();
    if (value.has_value()) return *value;
    return InvalidArgumentError("{}: {} must be a string, as in {} = \"host:9400\"", path, key,
                                key);
  } catch (const toml::parse_error& error) {
    return InvalidArgumentError("{}:{}: {}", path, error.source().begin.line, error.description());
  }
}

struct Where {
  std::string_view key;       // of the file, and the flag
  const char* variable;       // of the environment
  std::string_view fallback;  // default port on loopback
};

absl::StatusOr<std::vector<std::string>> Find(std::string_view flag, const Where& where) {
  if (!flag.empty()) return ParseAddresses(fmt::format("--{}", where.key), flag);
  if (const char* value = std::getenv(where.variable); value != nullptr && *value != '\0') {
    return ParseAddresses(where.variable, value);
  }
  if (const std::string path = ConfigPath(); !path.empty()) {
    ASSIGN_OR_RETURN(const std::string value, ReadConfig(path, where.key));
    if (!value.empty()) return ParseAddresses(fmt::format("{}: {}", path, where.key), value);
  }
  return std::vector<std::string>{std::string(where.fallback)};
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FindMasters(std::string_view flag) {
  return Find(flag, {"master", "QUERN_MASTER", "127.0.0.1:9400"});
}

absl::StatusOr<std::vector<std::string>> FindCoordinators(std::string_view flag) {
  return Find(flag, {"coordinator", "QUERN_COORDINATOR", "127.0.0.1:9420"});
}

}  // namespace quern
