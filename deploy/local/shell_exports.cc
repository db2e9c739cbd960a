#include "deploy/local/shell_exports.h"

#include <fmt/format.h>

#include <filesystem>

namespace quern::local {

std::string BinaryDir() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string ShellQuoted(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(text);
  }
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string ShellExports(std::string_view master, std::string_view coordinator,
                         std::string_view indent) {
  return fmt::format(
      "{0}export QUERN_MASTER={1}\n"
      "{0}export QUERN_COORDINATOR={2}\n"
      "{0}export PATH={3}:\"$PATH\"\n",
      indent, master, coordinator, ShellQuoted(BinaryDir()));
}

}  // namespace quern::local
