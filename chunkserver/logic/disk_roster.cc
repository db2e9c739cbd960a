#include "chunkserver/logic/disk_roster.h"

#include <algorithm>

namespace quern::chunkserver {
namespace {

absl::Status Expected(std::string_view path, std::string_view uuid) {
  return FailedPreconditionError(
      "{}: is empty, but disk {} is missing and may belong there. Try: mount it; or, if it is lost "
      "for good, start the server once with --forget_disks {}",
      path, uuid, uuid);
}

}  // namespace

KnownDisk* DiskRoster::Entry(const std::string& uuid) {
  auto at = std::ranges::lower_bound(disks_, uuid, {}, &KnownDisk::uuid);
  if (at == disks_.end() || at->uuid != uuid) {
    at =
        disks_.insert(at, KnownDisk{.uuid = uuid, .path = {}, .forgotten = forget_.contains(uuid)});
  }
  return &*at;
}

void DiskRoster::Merge(std::span<const KnownDisk> disks) {
  for (const KnownDisk& disk : disks) {
    KnownDisk* known = Entry(disk.uuid);
    // What is in use is not forgotten, whatever another disk remembers.
    if (!here_.contains(disk.uuid)) known->forgotten |= disk.forgotten;
    if (known->path.empty()) known->path = disk.path;
  }
}

void DiskRoster::Present(const std::string& uuid, const std::string& path) {
  *Entry(uuid) = {.uuid = uuid, .path = path, .forgotten = false};
  here_.insert(uuid);
}

void DiskRoster::Located(const std::string& uuid, const std::string& path) {
  if (!here_.insert(uuid).second) return;
  const auto known = std::ranges::find(disks_, uuid, &KnownDisk::uuid);
  if (known != disks_.end()) known->path = path;
}

bool DiskRoster::IsForgotten(const std::string& uuid) const {
  const auto at = std::ranges::find(disks_, uuid, &KnownDisk::uuid);
  return at != disks_.end() && at->forgotten;
}

std::vector<KnownDisk> DiskRoster::Missing() const {
  std::vector<KnownDisk> missing;
  for (const KnownDisk& disk : disks_) {
    if (!disk.forgotten && !here_.contains(disk.uuid)) missing.push_back(disk);
  }
  return missing;
}

absl::Status DiskRoster::MayFormat(std::string_view path, const std::string& note) const {
  const bool settled =
      note.empty() || here_.contains(note) || forget_.contains(note) || IsForgotten(note);
  if (!settled) return Expected(path, note);
  const std::vector<KnownDisk> missing = Missing();
  if (missing.empty()) return absl::OkStatus();
  // The one that was here, if it is among them; else any of them may have moved.
  const auto here = std::ranges::find(missing, path, &KnownDisk::path);
  return Expected(path, here != missing.end() ? here->uuid : missing.front().uuid);
}

}  // namespace quern::chunkserver
