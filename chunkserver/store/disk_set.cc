#include "chunkserver/store/disk_set.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "common/log.h"
#include "common/random.h"
#include "common/storage/file_io.h"

namespace quern::chunkserver {
namespace {

// Between two looks whether a disk that is being opened hangs.
constexpr absl::Duration kLookEvery = absl::Seconds(1);

// The same directory by the same name, wherever the server was started.
std::string Absolute(const std::string& dir) {
  std::string path = std::filesystem::path(AbsolutePath(dir)).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

DiskSet::DiskSet(Options options)
    : options_(std::move(options)),
      roster_(options_.forget_disks),
      threads_(std::min(options_.disk_patience, kLookEvery)) {
  for (const std::string& dir : options_.dirs) disks_.push_back(MakeDisk(Absolute(dir)));
}

std::unique_ptr<Disk> DiskSet::MakeDisk(const std::string& path) const {
  auto disk = std::make_unique<Disk>(Disk::Options{.path = path,
                                                   .fs = options_.fs,
                                                   .open_index = options_.open_index,
                                                   .reserve_bytes = options_.reserve_bytes,
                                                   .clock = options_.clock,
                                                   .patience = options_.disk_patience,
                                                   .silence = options_.disk_silence});
  if (options_.on_failed != nullptr) {
    disk->set_on_failed([this, raw = disk.get()] { options_.on_failed(raw); });
  }
  return disk;
}

absl::Status DiskSet::Open() {
  std::vector<EmptyPlace> empty;
  absl::Status error = OpenExisting(&empty);
  RETURN_IF_ERROR(AgreeOnIdentity());
  // With no disk to say whose the others are, a new one might begin another server.
  if (opened_.empty() && !error.ok()) return error;
  if (const absl::Status status = FormatNew(empty); !status.ok()) error = status;
  if (opened_.empty()) return error;
  AddMissing();
  for (const auto& disk : disks_) {
    marks_.push_back(std::make_unique<Mark>());
    if (std::ranges::count(opened_, disk.get()) > 0) continue;
    const absl::Status answers = disk->Answers();
    LogError("disk_unusable",
             {{"disk", disk->path()}, {"error", answers.ok() ? disk->health() : answers}});
  }
  return absl::OkStatus();
}

absl::Status DiskSet::OpenExisting(std::vector<EmptyPlace>* empty) {
  for (const auto& disk : disks_) {
    threads_.Begin(disk.get(), [this, raw = disk.get()] { OpenAtStart(raw); });
  }
  threads_.Await([this] { return AnyOpen(); }, kDiskStartPatience);
  std::map<const Disk*, Answer> answers;
  {
    MutexLock lock(&mutex_);
    goes_on_ = true;
    answers = at_start_;
  }
  absl::Status first_error;
  for (const auto& disk : disks_) {
    const auto answer = answers.find(disk.get());
    if (answer == answers.end()) continue;  // it hangs
    const absl::Status& status = answer->second.status;
    if (status.ok()) {
      opened_.push_back(disk.get());
    } else if (absl::IsNotFound(status)) {
      empty->push_back({.disk = disk.get(), .note = answer->second.note});
    } else if (first_error.ok()) {
      first_error = status;
    }
  }
  return first_error;
}

void DiskSet::OpenAtStart(Disk* disk) {
  Answer answer{.status = disk->Open(std::nullopt), .note = {}};
  if (absl::IsNotFound(answer.status)) {
    const Disk::Use use(disk);
    answer.note = disk->Note();
  }
  MutexLock lock(&mutex_);
  if (!goes_on_) {
    at_start_[disk] = std::move(answer);
  } else if (answer.status.ok()) {
    // The others have agreed without it on whose they are: it is checked as one that returns.
    late_.insert(disk);
  }
}

bool DiskSet::AnyOpen() const {
  MutexLock lock(&mutex_);
  return std::ranges::any_of(at_start_,
                             [](const auto& answer) { return answer.second.status.ok(); });
}

absl::Status DiskSet::AgreeOnIdentity() {
  MutexLock lock(&mutex_);
  for (Disk* disk : opened_) {
    ASSIGN_OR_RETURN(const DiskIdentity identity, disk->LoadIdentity());
    if (!server_uuid_.empty() && server_uuid_ != identity.server_uuid) {
      return FailedPreconditionError(
          "disk {} belongs to server {}, another disk to server {}. Try: give each server only its "
          "own disks in --dir",
          disk->path(), identity.server_uuid, server_uuid_);
    }
    server_uuid_ = identity.server_uuid;
    std::string& cluster = seen_.cluster_id;
    if (!cluster.empty() && !identity.cluster_id.empty() && identity.cluster_id != cluster) {
      return FailedPreconditionError("disk {} belongs to cluster {}, another disk to cluster {}",
                                     disk->path(), identity.cluster_id, cluster);
    }
    if (cluster.empty()) cluster = identity.cluster_id;
    seen_.followed = OrderGuard::Newer(seen_.followed, identity.followed);
    roster_.Merge(identity.disks);
    roster_.Present(identity.disk_uuid, disk->path());
  }
  // Broken ones are at their place; what is empty is not meant for them.
  for (const auto& disk : disks_) {
    if (const std::string uuid = disk->uuid(); !uuid.empty()) roster_.Located(uuid, disk->path());
  }
  if (server_uuid_.empty()) server_uuid_ = RandomHex(16);
  seen_at_start_ = seen_;
  return absl::OkStatus();
}

absl::Status DiskSet::FormatNew(const std::vector<EmptyPlace>& empty) {
  std::vector<EmptyPlace> to_format;
  absl::Status first_error;
  for (const EmptyPlace& place : empty) {
    absl::Status status;
    {
      MutexLock lock(&mutex_);
      status = roster_.MayFormat(place.disk->path(), place.note);
    }
    if (status.ok()) {
      to_format.push_back(place);
    } else {
      place.disk->SetAway(status);
      if (first_error.ok()) first_error = status;
    }
  }
  if (opened_.empty() && !first_error.ok()) return first_error;
  for (const EmptyPlace& place : to_format) {
    const DiskIdentity identity{.server_uuid = server_uuid_, .disk_uuid = RandomHex(16)};
    threads_.BeginNext(place.disk,
                       [this, disk = place.disk, identity] { FormatAtStart(disk, identity); });
  }
  threads_.Await([this] { return !opened_.empty() || AnyFormatted(); }, kDiskStartPatience);
  MutexLock lock(&mutex_);
  has_formatted_ = true;
  for (const auto& [disk, note] : to_format) {
    const auto answer = formatted_.find(disk);
    if (answer == formatted_.end()) {  // it hangs
      empty_[disk] = note;             // nor is anything put on it before the next start
      continue;
    }
    if (!answer->second.ok()) {
      if (first_error.ok()) first_error = answer->second;
      continue;
    }
    LogInfo("disk_formatted", {{"disk", disk->path()}, {"uuid", disk->uuid()}});
    opened_.push_back(disk);
    roster_.Present(disk->uuid(), disk->path());
  }
  return first_error;
}

void DiskSet::FormatAtStart(Disk* disk, const DiskIdentity& identity) {
  const absl::Status status = disk->Open(identity);
  {
    MutexLock lock(&mutex_);
    if (!has_formatted_) {
      formatted_[disk] = status;
      return;
    }
    // Another disk may have been mounted there since it was looked at. Reopen looks at it again.
    if (!status.ok() || disk->uuid() != identity.disk_uuid) empty_.erase(disk);
  }
  if (!status.ok()) return;
  // The other disks do not know it, so that nobody would miss it: a start tells them.
  const Disk::Use use(disk);
  disk->SetAway(FailedPreconditionError("disk {}: took too long to become a new disk. Try: restart "
                                        "the server, which takes it in",
                                        disk->path()),
                /*for_good=*/true);
}

bool DiskSet::AnyFormatted() const {
  MutexLock lock(&mutex_);
  return std::ranges::any_of(formatted_, [](const auto& answer) { return answer.second.ok(); });
}

void DiskSet::AddMissing() {
  MutexLock lock(&mutex_);
  for (const KnownDisk& missing : roster_.Missing()) {
    const auto there = std::ranges::find_if(
        disks_, [&](const auto& disk) { return disk->path() == missing.path; });
    // It says itself that it is away; but another disk may stand there now.
    if (there != disks_.end() && ((*there)->uuid().empty() || (*there)->uuid() == missing.uuid)) {
      continue;
    }
    disks_.push_back(MakeDisk(missing.path));
    disks_.back()->set_uuid(missing.uuid);
    disks_.back()->SetAway(WhyMissed(missing), /*for_good=*/true);
  }
}

absl::Status DiskSet::WhyMissed(const KnownDisk& missing) const {
  const auto dirs = std::span(disks_).first(options_.dirs.size());
  if (std::ranges::any_of(dirs, [&](const auto& disk) { return disk->path() == missing.path; })) {
    return FailedPreconditionError(
        "disk {}: was at {} before, where another one stands now. Try: mount it too, and name its "
        "place in --dir; or, if it is lost for good, start the server once with --forget_disks {}",
        missing.uuid, missing.path, missing.uuid);
  }
  return FailedPreconditionError(
      "disk {}: was there before and is in no --dir. Try: add it again; or, if it is lost for "
      "good, start the server once with --forget_disks {}",
      missing.path, missing.uuid);
}

bool DiskSet::IsElsewhere(size_t disk) const {
  if (disk < options_.dirs.size()) return false;
  const std::string uuid = disks_[disk]->uuid();
  MutexLock lock(&mutex_);
  return roster_.IsHere(uuid);
}

size_t DiskSet::IndexOf(const Disk* disk) const {
  const auto same = [disk](const auto& other) { return other.get() == disk; };
  return static_cast<size_t>(std::ranges::find_if(disks_, same) - disks_.begin());
}

absl::Status DiskSet::SaveOn(size_t disk, const OrderGuard::Seen& seen, WriteMode mode) {
  const Disk::Use use(disks_[disk].get());
  ASSIGN_OR_RETURN(DiskIdentity identity, disks_[disk]->LoadIdentity());
  identity.cluster_id = seen.cluster_id;
  identity.followed = seen.followed;
  {
    MutexLock lock(&mutex_);
    identity.disks = roster_.disks();
  }
  return disks_[disk]->SaveIdentity(identity, mode);
}

void DiskSet::Follow(const OrderGuard::Seen& seen) {
  MutexLock lock(&mutex_);
  seen_ = seen;
}

absl::Status DiskSet::SaveMark(size_t disk) {
  RETURN_IF_ERROR(disks_[disk]->health());
  MutexLock one_at_a_time(&marks_[disk]->writing);
  OrderGuard::Seen seen;
  {
    MutexLock lock(&mutex_);
    seen = seen_;
  }
  if (marks_[disk]->saved == seen) return absl::OkStatus();
  RETURN_IF_ERROR(SaveOn(disk, seen, WriteMode::kUnsynced));
  marks_[disk]->saved = std::move(seen);
  return absl::OkStatus();
}

absl::Status DiskSet::SaveOpened(Disk* disk) {
  const size_t index = IndexOf(disk);
  MutexLock one_at_a_time(&marks_[index]->writing);
  OrderGuard::Seen seen;
  {
    MutexLock lock(&mutex_);
    seen = seen_;
  }
  RETURN_IF_ERROR(SaveOn(index, seen, WriteMode::kSynced));
  marks_[index]->saved = std::move(seen);
  return absl::OkStatus();
}

absl::Status DiskSet::CheckReturned(Disk* disk) {
  ASSIGN_OR_RETURN(const DiskIdentity identity, disk->LoadIdentity());
  const bool twice = std::ranges::any_of(disks_, [&](const auto& other) {
    return other.get() != disk && other->health().ok() && other->uuid() == identity.disk_uuid;
  });
  MutexLock lock(&mutex_);
  const bool cluster = identity.cluster_id.empty() || identity.cluster_id == seen_.cluster_id;
  // The other disks may be new.
  const bool unknown = !cluster && seen_.cluster_id.empty();
  if (twice || identity.server_uuid != server_uuid_ || (!cluster && !unknown)) {
    return FailedPreconditionError(
        "disk {}: belongs to server {} of cluster {}. Try: give each "
        "server only its own disks in --dir",
        disk->path(), identity.server_uuid, identity.cluster_id);
  }
  if (unknown) {
    return UnavailableError(
        "disk {}: belongs to cluster {}, and is used when this server has heard from a master of "
        "it",
        disk->path(), identity.cluster_id);
  }
  if (OrderGuard::Newer(seen_.followed, identity.followed) != seen_.followed) {
    return UnavailableError(
        "disk {}: has seen a newer master than the other disks, and is used when this server has "
        "seen it too. Try: restart the server",
        disk->path());
  }
  roster_.Merge(identity.disks);
  roster_.Present(identity.disk_uuid, disk->path());
  return absl::OkStatus();
}

absl::Status DiskSet::OpenAgain(Disk* disk) {
  {
    MutexLock lock(&mutex_);
    if (late_.erase(disk) > 0) return absl::OkStatus();
  }
  return disk->Open(std::nullopt);
}

void DiskSet::NoteEmpty(Disk* disk, const absl::Status& before) {
  const Disk::Use use(disk);
  absl::Status why = before;  // which says what is missing here
  if (disk->uuid().empty()) {
    const std::string note = disk->Note();
    MutexLock lock(&mutex_);
    empty_[disk] = note;
    why = roster_.MayFormat(disk->path(), note);
    // A start alone formats: it tells all disks at once which ones there are.
    if (why.ok()) {
      why = FailedPreconditionError(
          "disk {}: is empty. Try: restart the server, which makes a new disk of it", disk->path());
    }
  }
  disk->SetAway(why);
  if (why != before) LogError("disk_unusable", {{"disk", disk->path()}, {"error", why}});
}

bool DiskSet::Reopen(Disk* disk) {
  const absl::Status before = disk->health();
  absl::Status status = OpenAgain(disk);
  if (absl::IsNotFound(status)) {
    NoteEmpty(disk, before);
    return false;
  }
  {
    MutexLock lock(&mutex_);
    empty_.erase(disk);
  }
  if (status.ok()) {
    const Disk::Use use(disk);
    status = CheckReturned(disk);
    if (!status.ok()) disk->SetAway(status, /*for_good=*/!absl::IsUnavailable(status));
  }
  if (!status.ok() && status != before) {
    LogError("disk_unusable", {{"disk", disk->path()}, {"error", status}});
  }
  return status.ok();
}

absl::Status DiskSet::CheckWhole() const {
  for (size_t i = 0; i < options_.dirs.size(); ++i) {
    const auto& disk = disks_[i];
    const absl::Status health = disk->health();
    if (health.ok()) continue;
    {
      MutexLock lock(&mutex_);
      if (roster_.IsForgotten(disk->uuid())) continue;
      // Nothing is on one that is to become a new disk, or becomes one too late.
      const auto empty = empty_.find(disk.get());
      if (empty != empty_.end() && roster_.MayFormat(disk->path(), empty->second).ok()) continue;
    }
    return UnavailableError("{}", Message(health));
  }
  // Not what was missed at the start: a disk that hung may have turned out to be that one since, or
  // to be another one than was expected there.
  MutexLock lock(&mutex_);
  const std::vector<KnownDisk> missing = roster_.Missing();
  if (missing.empty()) return absl::OkStatus();
  return UnavailableError("{}", Message(WhyMissed(missing.front())));
}

}  // namespace quern::chunkserver
