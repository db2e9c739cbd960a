// dfs fsck
#include <algorithm>
#include <optional>

#include "client/shell/chunk_presence.h"
#include "client/shell/commands.h"
#include "client/shell/fsck_report.h"
#include "client/shell/jobs.h"
#include "client/shell/known_servers.h"
#include "client/shell/shell.h"
#include "client/shell/tree.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::ChunkInfo;
using client::FileStatus;

constexpr size_t kVerifiedAtOnce = 8;  // chunks of one file
constexpr absl::Duration kLookAgainEvery = absl::Milliseconds(500);

JsonLine AddressJson(const client::ServerAddress& server) {
  return std::move(JsonLine()
                       .Add("server", server.id.ToString())
                       .Add("node", server.node)
                       .Add("rack", server.rack)
                       .Add("address", server.address));
}

std::vector<JsonLine> AddressesJson(const std::vector<client::ServerAddress>& servers) {
  std::vector<JsonLine> list;
  for (const auto& server : servers) list.push_back(AddressJson(server));
  return list;
}

JsonLine ChunkJson(const ChunkPresence& chunk) {
  const ChunkInfo& info = chunk.info;
  return std::move(JsonLine()
                       .Add("chunk", info.id.ToString())
                       .Add("ordinal", info.ordinal)
                       .Add("offset", info.offset)
                       .Add("length", info.length)
                       .Add("crc32c", fmt::format("{:08x}", info.crc))
                       .Add("sealed", info.sealed)
                       .Add("wanted_replicas", info.wanted_replicas)
                       .Add("lost_tail", info.lost_tail)
                       .Add("replicas", AddressesJson(info.replicas))
                       .Add("awaited", AddressesJson(chunk.awaited))
                       .Add("late", AddressesJson(chunk.late)));
}

std::vector<JsonLine> SilentJson(const FsckTotals& totals) {
  std::vector<JsonLine> list;
  for (const auto& [id, silent] : totals.silent_servers) {
    list.push_back(std::move(AddressJson(silent.address)
                                 .Add("silence", silent.awaited ? "awaited" : "late")
                                 .Add("replicas", silent.replicas)));
  }
  return list;
}

class Fsck final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("--files", &files_, "a line for each file (else only for those with a problem)");
    line->Switch("--chunks,--blocks", &chunks_, "a line for each chunk");
    line->Switch("--locations,--racks", &locations_, "where the replicas of each chunk are");
    line->Switch("--open", &open_,
                 "a line for each file being written; of / also for those without a name");
    line->Switch("--verify", &verify_, "ask the servers too: read every replica of every chunk");
    line->Arguments(&paths_, 1, 1);
  }

  absl::Status Run(Shell* shell) override {
    chunks_ = chunks_ || locations_;
    files_ = files_ || chunks_;
    servers_.emplace([shell] { return shell->fs()->GetCluster(); });
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
    if (IsWhole()) RETURN_IF_ERROR(AddNameless(shell, &totals.nameless));
    // Else they were asked after for the files.
    if (totals.files == 0) RETURN_IF_ERROR(servers_->Refresh(shell->clock().MonotonicNow()));
    totals.servers_alive = servers_->alive();
    if (shell->json()) {
      shell->Print(TotalsJson(totals));
    } else {
      shell->Print(totals.Summary(paths_.front()));
    }
    if (!totals.healthy()) shell->set_exit_code(kExitFailed);
    return absl::OkStatus();
  }

 private:
  absl::Status Check(Shell* shell, const FileStatus& file, FsckTotals* totals) {
    ASSIGN_OR_RETURN(std::vector<ChunkPresence> chunks, Look(shell, file.path));
    if (verify_) VerifyReplicas(shell, file, &chunks);
    totals->Add(file, chunks);
    const bool shown = files_ || (open_ && !file.complete);
    if (!shown && HealthOf(chunks) == FileHealth::kHealthy) return absl::OkStatus();
    if (shell->json()) {
      shell->Print(FileJson(file, chunks));
      return absl::OkStatus();
    }
    shell->Print(FileLine(file, chunks));
    for (const ChunkPresence& chunk : chunks) {
      if (chunks_) shell->Print(ChunkLine(chunk, locations_));
    }
    return absl::OkStatus();
  }

  bool IsWhole() const { return paths_.front() == "/"; }

  // No walk comes to what has no name.
  absl::Status AddNameless(Shell* shell, NamelessFiles* nameless) {
    const auto files = shell->fs()->ListOpenFiles();
    if (absl::IsUnimplemented(files.status())) return absl::OkStatus();  // an older master
    RETURN_IF_ERROR(files.status());
    for (const client::OpenFile& file : *files) {
      if (file.linked) continue;
      nameless->Add(file);
      if (open_)
        shell->json() ? shell->Print(OpenFileJson(file)) : shell->Print(OpenFileLine(file));
    }
    return absl::OkStatus();
  }

  // What hangs on silent servers alone is looked at again, for some seconds.
  absl::StatusOr<std::vector<ChunkPresence>> Look(Shell* shell, const std::string& path) {
    while (true) {
      ASSIGN_OR_RETURN(std::vector<ChunkInfo> chunks, shell->fs()->GetChunks(path));
      RETURN_IF_ERROR(servers_->Refresh(shell->clock().MonotonicNow()));
      std::vector<ChunkPresence> seen = servers_->silent().Separate(std::move(chunks));
      if (!second_look_.IsWorthwhile(seen, shell->clock().MonotonicNow())) return seen;
      shell->clock().Sleep(kLookAgainEvery);
      servers_->Forget();
    }
  }

  // Takes what cannot be read out of the lists, so that it counts as not there.
  static void VerifyReplicas(Shell* shell, const FileStatus& file,
                             std::vector<ChunkPresence>* chunks) {
    RunJobs(chunks->size(), kVerifiedAtOnce, [&](size_t i) {
      ChunkInfo& chunk = (*chunks)[i].info;
      if (!chunk.sealed) return;
      std::erase_if(chunk.replicas, [&](const client::ServerAddress& server) {
        const absl::Status status = shell->fs()->CheckReplica(chunk, server);
        if (status.ok()) return false;
        shell->Report(Annotate(status, fmt::format("chunk {}", chunk.id)), file.path);
        return true;
      });
    });
  }

  static JsonLine FileJson(const FileStatus& file, const std::vector<ChunkPresence>& chunks) {
    std::vector<JsonLine> list;
    for (const ChunkPresence& chunk : chunks) list.push_back(ChunkJson(chunk));
    return std::move(JsonLine()
                         .Add("path", file.path)
                         .Add("length", file.length)
                         .Add("complete", file.complete)
                         .Add("healthy", HealthOf(chunks) == FileHealth::kHealthy)
                         .Add("chunks", list));
  }

  static JsonLine OpenFileJson(const client::OpenFile& file) {
    JsonLine line;
    line.Add("path", file.path)
        .Add("named", file.linked)
        .Add("length", file.length)
        .Add("complete", false)
        .Add("chunks_so_far", file.chunk_count);
    if (file.writer_silence.has_value()) {
      line.Add("writer_silence_ms", absl::ToInt64Milliseconds(*file.writer_silence));
    }
    return line;
  }

  JsonLine TotalsJson(const FsckTotals& totals) const {
    JsonLine line;
    line.Add("path", paths_.front())
        .Add("status", totals.Verdict())
        .Add("bytes", totals.bytes)
        .Add("directories", totals.directories)
        .Add("files", totals.files)
        .Add("files_being_written", totals.open_files)
        .Add("chunks", totals.chunks)
        .Add("under_replicated", totals.under_replicated_chunks)
        .Add("under_replicated_for_now", totals.waiting_chunks)
        .Add("unavailable_for_now", totals.unavailable_chunks)
        .Add("most_replicas_wanted", totals.most_wanted)
        .Add("chunkservers_alive", totals.servers_alive)
        .Add("missing", totals.missing_chunks)
        .Add("lost_tail", totals.lost_tail_chunks)
        .Add("silent_servers", SilentJson(totals));
    if (IsWhole()) {
      line.Add("files_without_name", totals.nameless.files)
          .Add("bytes_without_name", totals.nameless.bytes);
    }
    return line;
  }

  bool files_ = false;
  bool chunks_ = false;
  bool locations_ = false;
  bool open_ = false;
  bool verify_ = false;
  std::vector<std::string> paths_;

  std::optional<KnownServers> servers_;
  SecondLook second_look_;
};

}  // namespace

CommandSpec FsckCommand() {
  return {.name = "fsck",
          .aliases = {},
          .usage = "PATH [--files] [--chunks] [--locations] [--open] [--verify]",
          .summary = "tells whether every chunk below a path has all its replicas (exit code 0)",
          .examples = {"dfs fsck /", "dfs fsck /in/a.txt --files --chunks --locations",
                       "dfs fsck /in --verify"},
          .make = Maker<Fsck>("fsck")};
}

}  // namespace quern::shell
