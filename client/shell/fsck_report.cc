#include "client/shell/fsck_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace quern::shell {

using client::ChunkInfo;
using client::FileStatus;

namespace {

FileHealth HealthOf(const ChunkInfo& chunk) {
  if (!chunk.sealed || IsEmpty(chunk)) return FileHealth::kHealthy;
  if (chunk.replicas.empty()) return FileHealth::kMissing;
  if (chunk.lost_tail) return FileHealth::kLostTail;
  return chunk.replicas.size() < chunk.wanted_replicas ? FileHealth::kUnderReplicated
                                                       : FileHealth::kHealthy;
}

std::string_view Describe(FileHealth health) {
  switch (health) {
    case FileHealth::kHealthy:
      return "OK";
    case FileHealth::kUnderReplicated:
      return "UNDER-REPLICATED";
    case FileHealth::kLostTail:
      return "LOST TAIL: bytes may be missing at the end of a chunk";
    case FileHealth::kMissing:
      return "MISSING: a chunk has no live replica";
  }
  return "";
}

}  // namespace

bool IsEmpty(const ChunkInfo& chunk) { return chunk.sealed && chunk.length == 0; }

bool HasAllReplicas(const std::vector<ChunkInfo>& chunks) {
  return std::ranges::all_of(chunks, [](const ChunkInfo& chunk) {
    return IsEmpty(chunk) || chunk.replicas.size() == chunk.wanted_replicas;
  });
}

FileHealth HealthOf(const std::vector<ChunkInfo>& chunks) {
  FileHealth worst = FileHealth::kHealthy;
  for (const ChunkInfo& chunk : chunks) worst = std::max(worst, HealthOf(chunk));
  return worst;
}

void FsckTotals::Add(const FileStatus& file, const std::vector<ChunkInfo>& file_chunks) {
  ++files;
  if (!file.complete) ++open_files;
  bytes += file.length;
  for (const ChunkInfo& chunk : file_chunks) {
    if (!chunk.sealed) continue;
    ++chunks;
    replicas += chunk.replicas.size();
    const FileHealth health = HealthOf(chunk);
    if (health == FileHealth::kMissing) ++missing_chunks;
    if (health == FileHealth::kUnderReplicated) ++under_replicated_chunks;
    if (chunk.lost_tail) ++lost_tail_chunks;
  }
}

std::string_view FsckTotals::Verdict() const {
  if (missing_chunks > 0 || lost_tail_chunks > 0) return "CORRUPT";
  return under_replicated_chunks > 0 ? "UNDER-REPLICATED" : "HEALTHY";
}

std::string FsckTotals::Summary(std::string_view path) const {
  const double average =
      chunks == 0 ? 0 : static_cast<double>(replicas) / static_cast<double>(chunks);
  std::string text = fmt::format("Status: {}\n", Verdict());
  text += fmt::format(" Total size:\t{} B\n", bytes);
  text += fmt::format(" Total dirs:\t{}\n", directories);
  text += fmt::format(" Total files:\t{}\n", files);
  if (open_files > 0) text += fmt::format(" Files being written:\t{}\n", open_files);
  text += fmt::format(" Total chunks:\t{} (avg. chunk size {} B)\n", chunks,
                      chunks == 0 ? 0 : bytes / chunks);
  text += fmt::format(" Under-replicated chunks:\t{}\n", under_replicated_chunks);
  text += fmt::format(" Missing chunks:\t{}\n", missing_chunks);
  text += fmt::format(" Chunks that lost their tail:\t{}\n", lost_tail_chunks);
  text += fmt::format(" Average replication:\t{:.2f}\n", average);
  return text + fmt::format("\nThe filesystem under path '{}' is {}\n", path, Verdict());
}

std::string FileLine(const FileStatus& file, const std::vector<ChunkInfo>& chunks) {
  return fmt::format("{} {} bytes, {} chunk{}:  {}{}\n", file.path, file.length, chunks.size(),
                     chunks.size() == 1 ? "" : "s", Describe(HealthOf(chunks)),
                     file.complete ? "" : " (being written)");
}

std::string ChunkLine(const ChunkInfo& chunk, bool locations) {
  std::string text = fmt::format("{}. {} len={} replicas={} of {}", chunk.ordinal, chunk.id,
                                 chunk.length, chunk.replicas.size(), chunk.wanted_replicas);
  text += chunk.sealed ? fmt::format(" crc={:08x}", chunk.crc) : " open";
  if (chunk.lost_tail) text += " LOST TAIL";
  if (!locations) return text + "\n";
  std::string places;
  for (const auto& server : chunk.replicas) {
    places += fmt::format("{}{} {} {} {}", places.empty() ? "" : ", ", server.id, server.node,
                          server.rack, server.address);
  }
  return text + fmt::format(" [{}]\n", places);
}

}  // namespace quern::shell
