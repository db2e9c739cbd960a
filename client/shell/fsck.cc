// dfs fsck
#include "client/shell/commands.h"
#include "client/shell/fsck_report.h"
#include "client/shell/jobs.h"
#include "client/shell/shell.h"
#include "client/shell/tree.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::ChunkInfo;
using client::FileStatus;

constexpr size_t kVerifiedAtOnce = 8;  // chunks of one file

JsonLine ChunkJson(const ChunkInfo& chunk) {
  std::vector<JsonLine> replicas;
  for (const auto& server : chunk.replicas) {
    replicas.push_back(std::move(JsonLine()
                                     .Add("server", server.id.ToString())
                                     .Add("node", server.node)
                                     .Add("rack", server.rack)
                                     .Add("address", server.address)));
  }
  return std::move(JsonLine()
                       .Add("chunk", chunk.id.ToString())
                       .Add("ordinal", chunk.ordinal)
                       .Add("offset", chunk.offset)
                       .Add("length", chunk.length)
                       .Add("crc32c", fmt::format("{:08x}", chunk.crc))
                       .Add("sealed", chunk.sealed)
                       .Add("wanted_replicas", chunk.wanted_replicas)
                       .Add("lost_tail", chunk.lost_tail)
                       .Add("replicas", replicas));
}

class Fsck final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("--files", &files_, "a line for each file (else only for those with a problem)");
    line->Switch("--chunks,--blocks", &chunks_, "a line for each chunk");
    line->Switch("--locations,--racks", &locations_, "where the replicas of each chunk are");
    line->Switch("--verify", &verify_, "ask the servers too: read every replica of every chunk");
    line->Arguments(&paths_, 1, 1);
  }

  absl::Status Run(Shell* shell) override {
    chunks_ = chunks_ || locations_;
    files_ = files_ || chunks_;
    FsckTotals totals;
    // What was removed meanwhile is no fault of the file system.
    const auto lost = [shell](const absl::Status& status, const FileStatus& entry) {
      if (!absl::IsNotFound(status)) return shell->Report(status, entry.path);
      shell->Warn(fmt::format("{}: was removed meanwhile", entry.path));
    };
    for (const FileStatus& root : shell->ExpandAndStat(paths_)) {
      RETURN_IF_ERROR(WalkTree(
          shell, root,
          [&](const FileStatus& entry) {
            if (!entry.is_directory()) return Check(shell, entry, &totals);
            ++totals.directories;
            return absl::OkStatus();
          },
          lost));
    }
    if (totals.files + totals.directories == 0) return absl::OkStatus();  // reported: not there
    if (shell->json()) {
      shell->Print(TotalsJson(totals));
    } else {
      shell->Print(totals.Summary(paths_.front()));
    }
    if (!totals.healthy()) shell->set_exit_code(kExitFailed);
    return absl::OkStatus();
  }

 private:
  absl::Status Check(Shell* shell, const FileStatus& file, FsckTotals* totals) const {
    ASSIGN_OR_RETURN(std::vector<ChunkInfo> chunks, shell->fs()->GetChunks(file.path));
    if (verify_) VerifyReplicas(shell, file, &chunks);
    totals->Add(file, chunks);
    if (!files_ && HealthOf(chunks) == FileHealth::kHealthy) return absl::OkStatus();
    if (shell->json()) {
      shell->Print(FileJson(file, chunks));
      return absl::OkStatus();
    }
    shell->Print(FileLine(file, chunks));
    for (const ChunkInfo& chunk : chunks) {
      if (chunks_) shell->Print(ChunkLine(chunk, locations_));
    }
    return absl::OkStatus();
  }

  // Takes what cannot be read out of the lists, so that it counts as not there.
  static void VerifyReplicas(Shell* shell, const FileStatus& file, std::vector<ChunkInfo>* chunks) {
    RunJobs(chunks->size(), kVerifiedAtOnce, [&](size_t i) {
      ChunkInfo& chunk = (*chunks)[i];
      if (!chunk.sealed) return;
      std::erase_if(chunk.replicas, [&](const client::ServerAddress& server) {
        const absl::Status status = shell->fs()->CheckReplica(chunk, server);
        if (status.ok()) return false;
        shell->Report(Annotate(status, fmt::format("chunk {}", chunk.id)), file.path);
        return true;
      });
    });
  }

  static JsonLine FileJson(const FileStatus& file, const std::vector<ChunkInfo>& chunks) {
    std::vector<JsonLine> list;
    for (const ChunkInfo& chunk : chunks) list.push_back(ChunkJson(chunk));
    return std::move(JsonLine()
                         .Add("path", file.path)
                         .Add("length", file.length)
                         .Add("complete", file.complete)
                         .Add("healthy", HealthOf(chunks) == FileHealth::kHealthy)
                         .Add("chunks", list));
  }

  JsonLine TotalsJson(const FsckTotals& totals) const {
    return std::move(JsonLine()
                         .Add("path", paths_.front())
                         .Add("status", totals.Verdict())
                         .Add("bytes", totals.bytes)
                         .Add("directories", totals.directories)
                         .Add("files", totals.files)
                         .Add("files_being_written", totals.open_files)
                         .Add("chunks", totals.chunks)
                         .Add("under_replicated", totals.under_replicated_chunks)
                         .Add("missing", totals.missing_chunks)
                         .Add("lost_tail", totals.lost_tail_chunks));
  }

  bool files_ = false;
  bool chunks_ = false;
  bool locations_ = false;
  bool verify_ = false;
  std::vector<std::string> paths_;
};

}  // namespace

CommandSpec FsckCommand() {
  return {.name = "fsck",
          .aliases = {},
          .usage = "PATH [--files] [--chunks] [--locations] [--verify]",
          .summary = "tells whether every chunk below a path has all its replicas (exit code 0)",
          .examples = {"dfs fsck /", "dfs fsck /in/a.txt --files --chunks --locations",
                       "dfs fsck /in --verify"},
          .make = Maker<Fsck>("fsck")};
}

}  // namespace quern::shell
