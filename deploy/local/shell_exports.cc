#include "deploy/local/shell_exports.h"

#include <fmt/format.h>

#include <filesystem>

#include "common/shell_words.h"

namespace quern::local {

std::string BinaryDir() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
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
