#include "client/shell/fsck_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/server_silence.h"
#include "common/sizes.h"
#include "common/write_trouble.h"

namespace quern::shell {

using client::ChunkInfo;
using client::FileStatus;

namespace {

bool Lacks(const ChunkPresence& chunk) {
  return chunk.info.sealed && !IsEmpty(chunk.info) &&
         chunk.info.replicas.size() < chunk.info.wanted_replicas;
}

FileHealth HealthOf(const ChunkPresence& chunk) {
  const ChunkInfo& info = chunk.info;
  if (!info.sealed || IsEmpty(info)) return FileHealth::kHealthy;
  const size_t known = info.replicas.size() + chunk.awaited.size() + chunk.late.size();
  if (known == 0) return FileHealth::kMissing;
  if (info.lost_tail) return FileHealth::kLostTail;
  if (info.replicas.empty()) return FileHealth::kUnavailable;
  if (!Lacks(chunk)) return FileHealth::kHealthy;
  return known < info.wanted_replicas ? FileHealth::kUnderReplicated : FileHealth::kWaiting;
}

std::string_view Describe(FileHealth health) {
  switch (health) {
    case FileHealth::kHealthy:
      return "OK";
    case FileHealth::kWaiting:
      return "UNDER-REPLICATED FOR NOW: replicas are on chunkservers that are not heard of";
    case FileHealth::kUnderReplicated:
      return "UNDER-REPLICATED";
    case FileHealth::kUnavailable:
      return "UNAVAILABLE FOR NOW: a chunk is only on chunkservers that are not heard of";
    case FileHealth::kLostTail:
      return "LOST TAIL: bytes may be missing at the end of a chunk";
    case FileHealth::kMissing:
      return "MISSING: a chunk has no live replica";
  }
  return "";
}

// " [cs1 node1 /r1 127.0.0.1:9410, ...]".
std::string Places(const std::vector<client::ServerAddress>& servers) {
  std::string places;
  for (const auto& server : servers) {
    places += fmt::format("{}{} {} {} {}", places.empty() ? "" : ", ", server.id, server.node,
                          server.rack, server.address);
  }
  return fmt::format(" [{}]", places);
}

}  // namespace

bool IsEmpty(const ChunkInfo& chunk) { return chunk.sealed && chunk.length == 0; }

bool HasAllReplicas(const std::vector<ChunkPresence>& chunks) {
  return std::ranges::all_of(chunks, [](const ChunkPresence& chunk) {
    return IsEmpty(chunk.info) || (chunk.info.replicas.size() == chunk.info.wanted_replicas &&
                                   chunk.awaited.empty() && chunk.late.empty());
  });
}

bool DependsOnLateServers(const std::vector<ChunkPresence>& chunks) {
  return std::ranges::any_of(chunks, [](const ChunkPresence& chunk) {
    return Lacks(chunk) &&
           chunk.info.replicas.size() + chunk.late.size() >= chunk.info.wanted_replicas;
  });
}

bool DependsOnAwaitedServers(const std::vector<ChunkPresence>& chunks) {
  return std::ranges::any_of(chunks, [](const ChunkPresence& chunk) {
    return Lacks(chunk) && chunk.info.replicas.size() + chunk.late.size() + chunk.awaited.size() >=
                               chunk.info.wanted_replicas;
  });
}

FileHealth HealthOf(const std::vector<ChunkPresence>& chunks) {
  FileHealth worst = FileHealth::kHealthy;
  for (const ChunkPresence& chunk : chunks) worst = std::max(worst, HealthOf(chunk));
  return worst;
}

std::string SilentServer::Line() const {
  return fmt::format(
      " Chunkserver {} ({}) {}: {} replica{} there not counted. Try: {}\n", address.address,
      address.node,
      awaited ? "has not reported since the master started" : "has not been heard of for seconds",
      replicas, replicas == 1 ? "" : "s",
      awaited
          ? fmt::format("start it; one that stays away counts as dead {} after the master's start",
                        HumanDuration(kDefaultAwaitedFor))
          : fmt::format("again in {}, when it has reported or counts as dead",
                        HumanDuration(kDefaultDeadAfter)));
}

void NamelessFiles::Add(const client::OpenFile& file) {
  ++files;
  bytes += file.length;
  chunks += file.chunk_count;
  longest_silence = std::max(longest_silence, file.writer_silence);
}

std::string NamelessFiles::Line() const {
  return fmt::format(
      " Files without a name yet:\t{} ({} B in {} chunk{}; a writer that is not heard of for {} is "
      "given up, {})\n",
      files, bytes, chunks, chunks == 1 ? "" : "s", HumanDuration(kDefaultWriterTimeout),
      longest_silence.has_value() ? "the longest silence is " + HumanDuration(*longest_silence)
                                  : "none has been heard of since the master started");
}

void FsckTotals::Add(const FileStatus& file, const std::vector<ChunkPresence>& file_chunks) {
  ++files;
  if (!file.complete) ++open_files;
  bytes += file.length;
  for (const ChunkPresence& chunk : file_chunks) {
    if (!chunk.info.sealed) continue;
    ++chunks;
    replicas += chunk.info.replicas.size();
    const FileHealth health = HealthOf(chunk);
    if (health == FileHealth::kMissing) ++missing_chunks;
    if (health == FileHealth::kUnavailable) ++unavailable_chunks;
    if (health == FileHealth::kUnderReplicated) ++under_replicated_chunks;
    if (health == FileHealth::kWaiting) ++waiting_chunks;
    if (chunk.info.lost_tail) ++lost_tail_chunks;
    if (!Lacks(chunk)) continue;
    AddSilent(chunk);
    most_wanted = std::max(most_wanted, chunk.info.wanted_replicas);
  }
}

void FsckTotals::AddSilent(const ChunkPresence& chunk) {
  const auto add = [this](const std::vector<client::ServerAddress>& servers, bool awaited) {
    for (const client::ServerAddress& server : servers) {
      SilentServer& silent = silent_servers[server.id];
      silent.address = server;
      silent.awaited = awaited;
      ++silent.replicas;
    }
  };
  add(chunk.awaited, true);
  add(chunk.late, false);
}

std::string_view FsckTotals::Verdict() const {
  if (missing_chunks > 0 || lost_tail_chunks > 0) return "CORRUPT";
  if (unavailable_chunks > 0) return "UNAVAILABLE FOR NOW";
  if (under_replicated_chunks > 0) return "UNDER-REPLICATED";
  return waiting_chunks > 0 ? "UNDER-REPLICATED FOR NOW" : "HEALTHY";
}

std::string FsckTotals::Summary(std::string_view path) const {
  const double average =
      chunks == 0 ? 0 : static_cast<double>(replicas) / static_cast<double>(chunks);
  std::string text = fmt::format("Status: {}\n", Verdict());
  text += fmt::format(" Total size:\t{} B\n", bytes);
  text += fmt::format(" Total dirs:\t{}\n", directories);
  text += fmt::format(" Total files:\t{}\n", files);
  if (open_files > 0) text += fmt::format(" Files being written:\t{}\n", open_files);
  if (nameless.files > 0) text += nameless.Line();
  text += fmt::format(" Total chunks:\t{} (avg. chunk size {} B)\n", chunks,
                      chunks == 0 ? 0 : bytes / chunks);
  text += fmt::format(" Under-replicated chunks:\t{}\n", under_replicated_chunks);
  if (waiting_chunks > 0) {
    text += fmt::format(" Under-replicated for now:\t{}\n", waiting_chunks);
  }
  if (unavailable_chunks > 0) {
    text += fmt::format(" Unavailable for now:\t{}\n", unavailable_chunks);
  }
  text += fmt::format(" Missing chunks:\t{}\n", missing_chunks);
  text += fmt::format(" Chunks that lost their tail:\t{}\n", lost_tail_chunks);
  text += fmt::format(" Average replication:\t{:.2f}\n", average);
  for (const auto& [id, server] : silent_servers) text += server.Line();
  if (const std::string missing =
          DescribeMissingServers(servers_alive, most_wanted,
                                 "no server has two of a chunk. Try: more servers, or dfs setrep");
      !missing.empty()) {
    text += fmt::format(" {}\n", missing);
  }
  return text + fmt::format("\nThe filesystem under path '{}' is {}\n", path, Verdict());
}

std::string OpenFileLine(const client::OpenFile& file) {
  return fmt::format(
      "{} {} bytes, {} chunk{}:  being written{}, {}\n", file.path.empty() ? "?" : file.path,
      file.length, file.chunk_count, file.chunk_count == 1 ? "" : "s",
      file.linked ? "" : ", no name yet",
      file.writer_silence.has_value()
          ? fmt::format("writer heard of {} ago", HumanDuration(*file.writer_silence))
          : "writer not heard of since the master started");
}

std::string FileLine(const FileStatus& file, const std::vector<ChunkPresence>& chunks) {
  return fmt::format("{} {} bytes, {} chunk{}:  {}{}\n", file.path, file.length, chunks.size(),
                     chunks.size() == 1 ? "" : "s", Describe(HealthOf(chunks)),
                     file.complete ? "" : " (being written)");
}

std::string ChunkLine(const ChunkPresence& chunk, bool locations) {
  const ChunkInfo& info = chunk.info;
  std::string text = fmt::format("{}. {} len={} replicas={} of {}", info.ordinal, info.id,
                                 info.length, info.replicas.size(), info.wanted_replicas);
  text += info.sealed ? fmt::format(" crc={:08x}", info.crc) : " open";
  if (info.lost_tail) text += " LOST TAIL";
  if (locations) text += Places(info.replicas);
  const auto add = [&](std::string_view what, const std::vector<client::ServerAddress>& servers) {
    if (servers.empty()) return;
    text += fmt::format(" {}={}{}", what, servers.size(), locations ? Places(servers) : "");
  };
  add("awaited", chunk.awaited);
  add("late", chunk.late);
  return text + "\n";
}

}  // namespace quern::shell
