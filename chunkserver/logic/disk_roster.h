// Which disks a server has had, and so which of them are missing and whether an empty directory is
// a new disk or the place of one that is not mounted.
//
// A disk stays on the roster until somebody says that it is lost for good: what is on a missing
// disk is not lost, it is only not here. Kept on every disk of the server; no locks, no I/O.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::chunkserver {

struct KnownDisk {
  std::string uuid;
  std::string path;        // where it was seen last
  bool forgotten = false;  // declared lost for good
  bool operator==(const KnownDisk&) const = default;
};

class DiskRoster {
 public:
  // `forget`: uuids of disks that are lost for good, as the operator says.
  explicit DiskRoster(std::set<std::string> forget = {}) : forget_(std::move(forget)) {}

  // Takes over what one disk says of all of them. What one of them has forgotten is forgotten.
  void Merge(std::span<const KnownDisk> disks);
  // A disk is here: also one that was forgotten.
  void Present(const std::string& uuid, const std::string& path);

  // A disk is at its place, but cannot be used.
  void Located(const std::string& uuid, const std::string& path);

  bool IsForgotten(const std::string& uuid) const;
  // Present or located.
  bool IsHere(const std::string& uuid) const { return here_.contains(uuid); }
  // Neither present, located nor forgotten, in the order of their uuids.
  std::vector<KnownDisk> Missing() const;
  // Whether an empty directory may be made a disk. `note`: the uuid that a file beside the
  // directory names, or empty. FailedPrecondition: a disk is missing that may belong there.
  absl::Status MayFormat(std::string_view path, const std::string& note) const;

  // To be kept, in the order of their uuids.
  const std::vector<KnownDisk>& disks() const { return disks_; }

 private:
  KnownDisk* Entry(const std::string& uuid);

  std::set<std::string> forget_;
  std::set<std::string> here_;  // present or located
  std::vector<KnownDisk> disks_;
};

}  // namespace quern::chunkserver
