#include "common/write_trouble.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/sizes.h"

namespace quern {
namespace {

constexpr uint64_t kNearlyFullPart = 20;  // of the capacity

// Of the servers; one that is alone is enough.
size_t NeededServers(const WriteAbility& cluster) {
  const uint32_t wanted = std::min(cluster.min_write_replicas, cluster.default_replication);
  return std::max<size_t>(cluster.servers_known <= 1 ? 1 : wanted, 1);
}

std::string Room(const WriteAbility& cluster) {
  return fmt::format("{} of {} free", FormatBinarySize(cluster.free_bytes),
                     FormatBinarySize(cluster.capacity_bytes));
}

}  // namespace

WriteTrouble TroubleOf(const WriteAbility& cluster) {
  if (!cluster.halted.empty()) return WriteTrouble::kHalted;
  if (cluster.servers_alive < NeededServers(cluster)) return WriteTrouble::kTooFewServers;
  if (!cluster.writable) return WriteTrouble::kFull;
  return cluster.free_bytes < cluster.capacity_bytes / kNearlyFullPart ? WriteTrouble::kNearlyFull
                                                                       : WriteTrouble::kNone;
}

std::string_view ToString(WriteTrouble trouble) {
  switch (trouble) {
    case WriteTrouble::kNone:
      return "none";
    case WriteTrouble::kNearlyFull:
      return "nearly_full";
    case WriteTrouble::kFull:
      return "full";
    case WriteTrouble::kTooFewServers:
      return "too_few_servers";
    case WriteTrouble::kHalted:
      return "halted";
  }
  return "";
}

std::string DescribeTrouble(const WriteAbility& cluster) {
  switch (TroubleOf(cluster)) {
    case WriteTrouble::kNone:
      return "";
    case WriteTrouble::kNearlyFull:
      return fmt::format(
          "the disks of the chunkservers are nearly full: {}. Try: delete files or add servers",
          Room(cluster));
    case WriteTrouble::kFull:
      return fmt::format(
          "no file can be written: the disks of the chunkservers are full ({}, and some is kept "
          "for removals); reading and removing go on. Try: dfs df, then delete files or add "
          "servers",
          Room(cluster));
    case WriteTrouble::kTooFewServers:
      return fmt::format(
          "no file can be written: {} of {} chunkservers alive, need {}. Try: dfs admin report",
          cluster.servers_alive, cluster.servers_known, NeededServers(cluster));
    case WriteTrouble::kHalted:
      return cluster.halted;
  }
  return "";
}

std::string DescribeMissingServers(size_t alive, uint64_t wanted, std::string_view consequence) {
  if (alive >= wanted) return "";
  return fmt::format("{} chunkserver{} there, {} copies are wanted: {}", alive,
                     alive == 1 ? " is" : "s are", wanted, consequence);
}

}  // namespace quern
