#include "client/shell/adopt_history.h"

#include "client/shell/shell.h"

namespace quern::shell {
namespace {

using client::HistoryConflicts;

void PrintJson(Shell* shell, const HistoryConflicts& conflicts, bool adopted) {
  shell->Print(JsonLine()
                   .Add("term", conflicts.term)
                   .Add("log_index", conflicts.log_index)
                   .Add("next_chunk", conflicts.next_chunk.ToString())
                   .Add("silent_servers", uint64_t{conflicts.silent_servers})
                   .Add("adopted", adopted));
  for (const auto& server : conflicts.servers) {
    shell->Print(JsonLine()
                     .Add("address", server.address)
                     .Add("term", server.term)
                     .Add("log_index", server.log_index)
                     .Add("max_chunk", server.max_chunk.ToString())
                     .Add("replicas", server.replica_count)
                     .Add("reason", server.reason));
  }
}

void PrintText(Shell* shell, const HistoryConflicts& conflicts) {
  shell->Print(fmt::format(
      "This master: term {}, log index {}, chunk ids below {}. These chunkservers know more:\n",
      conflicts.term, conflicts.log_index, conflicts.next_chunk));
  uint64_t newest = conflicts.log_index;
  for (const auto& server : conflicts.servers) {
    shell->Print(fmt::format("  {}: term {}, log index {}, chunks up to {}, {} replicas: {}\n",
                             server.address, server.term, server.log_index, server.max_chunk,
                             server.replica_count, server.reason));
    newest = std::max(newest, server.log_index);
  }
  if (conflicts.silent_servers > 0) {
    shell->Print(fmt::format("{} chunkservers have not been heard of; they may know still more.\n",
                             conflicts.silent_servers));
  }
  shell->Print(fmt::format(
      "About {} changes would be forgotten: files made since the copy are lost, files deleted "
      "since "
      "are back without their data. Chunks that this master does not know are put aside on their "
      "servers for days, then removed.\n",
      newest - conflicts.log_index));
}

}  // namespace

absl::Status AdoptHistory(Shell* shell, bool confirm) {
  ASSIGN_OR_RETURN(const HistoryConflicts conflicts, shell->fs()->AdoptHistory(confirm));
  if (shell->json()) {
    PrintJson(shell, conflicts, confirm);
  } else if (confirm) {
    shell->Print(fmt::format("adopted: the master goes on, without what {} chunkservers knew\n",
                             conflicts.servers.size()));
  } else if (conflicts.servers.empty()) {
    shell->Print("No chunkserver knows anything that this master does not: nothing to adopt.\n");
  } else {
    PrintText(shell, conflicts);
    shell->Print(
        "Better: stop the master, put its newest directory back, start it. If that is lost:\n"
        "  dfs admin adopt-history --confirm\n");
  }
  return absl::OkStatus();
}

}  // namespace quern::shell
