// dfs checksum
#include "client/shell/commands.h"
#include "client/shell/file_sum.h"
#include "client/shell/shell.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

class Checksum final : public ShellCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&patterns_, 1); }

  absl::Status Run(Shell* shell) override {
    for (const std::string& path : shell->Expand(patterns_)) {
      if (const absl::Status status = PrintSum(shell, path); !status.ok()) {
        shell->Report(status, path);
      }
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status PrintSum(Shell* shell, const std::string& path) {
    ASSIGN_OR_RETURN(const client::FileStatus status, shell->fs()->Stat(path));
    if (status.is_directory()) return InvalidArgumentError("{}: is a directory", path);
    ASSIGN_OR_RETURN(const std::vector<client::ChunkInfo> chunks, shell->fs()->GetChunks(path));
    const std::string hex = fmt::format("{:08x}", SumOfChunks(chunks).crc);
    if (shell->json()) {
      shell->Print(
          JsonLine().Add("path", path).Add("algorithm", "COMPOSITE-CRC32C").Add("checksum", hex));
    } else {
      shell->Print(fmt::format("{}\tCOMPOSITE-CRC32C\t{}\n", path, hex));
    }
    return absl::OkStatus();
  }

  std::vector<std::string> patterns_;
};

}  // namespace

CommandSpec ChecksumCommand() {
  return {.name = "checksum",
          .aliases = {},
          .usage = "PATH...",
          .summary = "prints the CRC32C of files without reading them",
          .examples = {"dfs checksum /in/a.txt", "dfs checksum '/in/*' '/copy/*'"},
          .make = Maker<Checksum>("checksum")};
}

}  // namespace quern::shell
