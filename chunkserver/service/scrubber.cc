#include "chunkserver/service/scrubber.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/log.h"

namespace quern::chunkserver {
namespace {

// So much reading may have to be done again after a restart.
constexpr size_t kSaveEvery = 64;

}  // namespace

Scrubber::Scrubber(const Services& services, FileSystem* fs, const ScrubLimits& limits)
    : services_(services), fs_(fs), limits_(limits) {}

void Scrubber::Start() {
  for (size_t disk = 0; disk < services_.store->disk_count(); ++disk) {
    threads_.emplace_back(fmt::format("condemned-{}", disk), [this, disk] { RunCondemned(disk); });
    if (limits_.period <= absl::ZeroDuration()) continue;
    threads_.emplace_back(fmt::format("scrub-{}", disk), [this, disk] { Run(disk); });
  }
}

void Scrubber::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
  }
  threads_.clear();
}

void Scrubber::Run(size_t disk) {
  // The first look comes after a pause too: a start has other things to read.
  while (Pause(limits_.look_every)) {
    const Found found = Scrub(disk);
    if (found.good + found.condemned + found.unreadable == 0) continue;
    LogInfo("scrubbed", {{"disk", services_.store->Disks()[disk].path},
                         {"good", found.good},
                         {"condemned", found.condemned},
                         {"unreadable", found.unreadable}});
  }
}

void Scrubber::RunCondemned(size_t disk) {
  while (Pause(limits_.look_every)) CheckCondemned(disk);
}

Scrubber::Found Scrubber::Scrub(size_t disk) {
  Found found;
  if (!Usable(disk)) return found;
  std::optional<ScrubProgress> round = ScrubNow(limits_, Load(disk), services_.clock->TimeNow());
  if (!round.has_value()) return found;
  Pace pace(ScrubBytesPerSecond(limits_, services_.store->Disks()[disk].used_bytes));
  std::vector<ChunkId> ids = ReplicasIn(disk, ReplicaState::kFinalized);
  std::erase_if(ids, [&](ChunkId chunk) { return !InRound(*round, chunk); });
  if (!round->last && !ids.empty()) round->last = ids.back();
  size_t unsaved = 0;
  for (const ChunkId chunk : ids) {
    const uint64_t condemned = found.condemned;
    ScrubOne(chunk, &pace, &found);
    services_.metrics->scrub_condemned.Increment(static_cast<double>(found.condemned - condemned));
    if (!Usable(disk)) return found;
    if (stopping()) {
      Save(disk, *round);
      return found;
    }
    round->next = ChunkId(chunk.value() + 1);
    if (++unsaved % kSaveEvery == 0) Save(disk, *round);
  }
  round->next.reset();
  round->last.reset();
  Save(disk, *round);
  return found;
}

Scrubber::Found Scrubber::CheckCondemned(size_t disk) {
  Found found;
  // As a rule: a listing of all replicas is not for nothing.
  if (services_.store->inventory().Count(ReplicaState::kCorrupt) == 0) return found;
  Pace pace(limits_.max_bytes_per_second);
  for (const ChunkId chunk : ReplicasIn(disk, ReplicaState::kCorrupt)) {
    if (stopping() || !Usable(disk)) break;
    ScrubOne(chunk, &pace, &found);
  }
  return found;
}

void Scrubber::ScrubOne(ChunkId chunk, Pace* pace, Found* found) {
  const auto before_read = [&](uint64_t bytes) -> absl::Status {
    if (Pause(pace->Next(bytes, services_.clock->MonotonicNow()))) return absl::OkStatus();
    return UnavailableError("the chunkserver is stopping");
  };
  const auto before_retry = [this]() -> absl::Status {
    if (Pause(services_.limits.verify_retry)) return absl::OkStatus();
    return UnavailableError("the chunkserver is stopping");
  };
  const auto result =
      services_.store->Verify(chunk, {.before_read = before_read, .before_retry = before_retry});
  if (!result.ok()) return;  // removed meanwhile, or the disk is away
  services_.metrics->scrubbed_bytes.Increment(static_cast<double>(result->bytes_read));
  switch (result->outcome) {
    case Verification::Outcome::kGood:
      ++found->good;
      break;
    case Verification::Outcome::kCondemned:
      ++found->condemned;
      break;
    case Verification::Outcome::kUnreadable:
      if (!stopping()) ++found->unreadable;
      break;
  }
}

std::vector<ChunkId> Scrubber::ReplicasIn(size_t disk, ReplicaState state) const {
  std::vector<ChunkId> ids;
  for (const std::shared_ptr<Replica>& replica : services_.store->List()) {
    const ChunkId chunk = replica->chunk();
    if (replica->facts().report.state != state) continue;
    const absl::StatusOr<size_t> at = services_.store->DiskOf(chunk);
    if (at.ok() && *at == disk) ids.push_back(chunk);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Nothing is written below the mount point of a disk that is away.
bool Scrubber::Usable(size_t disk) const {
  const DiskStatus status = services_.store->Disks()[disk];
  return status.health.ok() && status.answers.ok();
}

std::string Scrubber::ProgressFile(size_t disk) const {
  return services_.store->Disks()[disk].path + "/scrub";
}

ScrubProgress Scrubber::Load(size_t disk) const {
  const auto text = ReadFileToString(fs_, ProgressFile(disk));
  if (!text.ok()) return {};
  return DecodeScrubProgress(*text).value_or(ScrubProgress{});
}

void Scrubber::Save(size_t disk, const ScrubProgress& progress) const {
  const absl::Status saved =
      WriteFileDurably(fs_, ProgressFile(disk), EncodeScrubProgress(progress));
  if (!saved.ok()) LogWarning("scrub_progress_not_saved", {{"status", saved}});
}

bool Scrubber::Pause(absl::Duration pause) {
  const absl::Time until = services_.clock->MonotonicNow() + pause;
  MutexLock lock(&mutex_);
  while (!stopping_) {
    const absl::Duration left = until - services_.clock->MonotonicNow();
    if (left <= absl::ZeroDuration()) return true;
    stop_.WaitFor(&mutex_, left);
  }
  return false;
}

bool Scrubber::stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

}  // namespace quern::chunkserver
