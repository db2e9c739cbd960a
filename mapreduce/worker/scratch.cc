#include "mapreduce/worker/scratch.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <tuple>
#include <utility>

#include "common/crc32c.h"
#include "common/random.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

namespace fs = std::filesystem;

constexpr char kResultName[] = "result";
constexpr char kLogName[] = "log";
constexpr char kClusterName[] = "/cluster_id";

std::string AttemptDir(const std::string& dir, const pb::AttemptId& id) {
  return fmt::format("{}/jobs/{}/{}", dir, id.job_id(), FormatAttempt(id));
}

// The older of two jobs: by day, then by number, which has four digits or more.
bool IsOlder(std::string_view a, std::string_view b) {
  const auto place = [](std::string_view id) {
    return std::make_tuple(id.substr(0, id.rfind('-')), id.size(), id);
  };
  return place(a) < place(b);
}

// A torn message may well parse, as a shorter one.
std::string EncodeResult(const pb::WorkerMessage::HeldOutput& held) {
  const std::string bytes = held.SerializeAsString();
  const uint32_t crc = Crc32c(bytes);
  std::string file;
  for (int i = 0; i < 4; ++i) file.push_back(static_cast<char>(crc >> (8 * i)));
  return file + bytes;
}

bool DecodeResult(std::string_view file, pb::WorkerMessage::HeldOutput* held) {
  if (file.size() < 4) return false;
  uint32_t crc = 0;
  for (size_t i = 0; i < 4; ++i) crc |= uint32_t{static_cast<uint8_t>(file[i])} << (8 * i);
  file.remove_prefix(4);
  return Crc32c(file) == crc && held->ParseFromArray(file.data(), static_cast<int>(file.size()));
}

std::string MapOutputIn(const std::string& dir) {
  return fmt::format("{}/{}", dir, kMapOutputName);
}

absl::Status NotHeld(const pb::AttemptId& id) {
  return NotFoundError("{} {}: this worker does not hold it", id.job_id(), FormatAttempt(id));
}

absl::StatusOr<std::string> ReadOrMake(const std::string& path, const std::string& value) {
  const auto known = ReadFileToString(FileSystem::Real(), path);
  if (known.ok() && !known->empty()) return known;
  RETURN_IF_ERROR(WriteFileDurably(FileSystem::Real(), path, value));
  return value;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Scratch>> Scratch::Open(std::vector<std::string> dirs,
                                                       FileSystem* files) {
  for (std::string& dir : dirs) {
    // The task runs elsewhere, in its own directory.
    dir = fs::path(AbsolutePath(dir)).lexically_normal().string();
    RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(dir + "/jobs"));
  }
  auto scratch = std::unique_ptr<Scratch>(new Scratch(std::move(dirs), files));
  RETURN_IF_ERROR(scratch->Load());
  return scratch;
}

absl::Status Scratch::Load() {
  ASSIGN_OR_RETURN(worker_id_, ReadOrMake(main_dir() + "/worker_id", "w-" + RandomHex(8)));
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(main_dir() + "/plugins"));
  {
    MutexLock lock(&mutex_);
    cluster_id_ = ReadFileToString(FileSystem::Real(), main_dir() + kClusterName).value_or("");
  }
  for (const std::string& dir : dirs_) {
    for (const std::string& job : ReadableNames(dir + "/jobs")) {
      const std::string job_dir = fmt::format("{}/jobs/{}", dir, job);
      for (const std::string& attempt : ReadableNames(job_dir))
        LoadAttempt(job_dir + "/" + attempt);
    }
  }
  return absl::OkStatus();
}

void Scratch::LoadAttempt(const std::string& dir) {
  const auto bytes = ReadFileToString(FileSystem::Real(), dir + "/" + kResultName);
  HeldEntry entry;
  entry.dir = dir;
  if (!bytes.ok() || !DecodeResult(*bytes, &entry.held)) return KeepOnlyLog(dir);
  MutexLock lock(&mutex_);
  held_[entry.held.id().job_id()][FormatAttempt(entry.held.id())] = std::move(entry);
}

std::string Scratch::cluster_id() const {
  MutexLock lock(&mutex_);
  return cluster_id_;
}

absl::StatusOr<bool> Scratch::BelongsTo(const std::string& cluster_id) {
  {
    MutexLock lock(&mutex_);
    if (!cluster_id_.empty() && cluster_id_ != cluster_id) return false;
    if (!cluster_id_.empty() && !unsaved_) return true;
    cluster_id_ = cluster_id;
  }
  RETURN_IF_ERROR(SaveCluster(cluster_id));
  return true;
}

absl::Status Scratch::StartOver(const std::string& cluster_id) {
  decltype(held_) gone;  // closes its files without the lock
  {
    MutexLock lock(&mutex_);
    gone.swap(held_);
    cluster_id_ = cluster_id;
    unsaved_ = false;
  }
  absl::Status dropped;
  for (const std::string& dir : dirs_) dropped.Update(DropJobs(dir + "/jobs"));
  RETURN_IF_ERROR(dropped);
  return SaveCluster(cluster_id);
}

// What lies here may be called the cluster's: where that fails it is tried again at a next session.
absl::Status Scratch::SaveCluster(const std::string& cluster_id) {
  {
    MutexLock lock(&mutex_);
    unsaved_ = true;
  }
  RETURN_IF_ERROR(WriteFileDurably(FileSystem::Real(), main_dir() + kClusterName, cluster_id));
  MutexLock lock(&mutex_);
  unsaved_ = false;
  return absl::OkStatus();
}

// Logs too: their names come again. Only a result that stays is an error, a next process would take
// it up; what user code has made there may resist.
absl::Status Scratch::DropJobs(const std::string& jobs_dir) {
  ASSIGN_OR_RETURN(const std::vector<std::string> jobs, files_->List(jobs_dir));
  absl::Status status;
  for (const std::string& job : jobs) {
    const std::string job_dir = fmt::format("{}/{}", jobs_dir, job);
    for (const std::string& attempt : ReadableNames(job_dir)) {
      const std::string prefix = fmt::format("{}/{}/", job_dir, attempt);
      files_->Remove(prefix + kLogName).IgnoreError();
      if (files_->Exists(prefix + kResultName)) status.Update(files_->Remove(prefix + kResultName));
    }
    files_->RemoveTree(job_dir).IgnoreError();
  }
  status.Update(files_->SyncDir(jobs_dir));
  return status;
}

absl::StatusOr<std::string> Scratch::MakeAttemptDir(const pb::AttemptId& id) {
  std::string dir;
  {
    MutexLock lock(&mutex_);
    while (doomed_.contains(id.job_id())) removed_.Wait(&mutex_);
    std::string& known = running_[id.job_id()][FormatAttempt(id)];
    if (known.empty()) known = AttemptDir(dirs_[next_dir_++ % dirs_.size()], id);
    dir = known;
  }
  absl::Status made = files_->RemoveTree(dir);
  if (made.ok()) made = files_->MakeDirs(dir);
  if (made.ok()) return dir;
  Ended(id.job_id(), FormatAttempt(id));
  return made;
}

absl::Status Scratch::Hold(const pb::WorkerMessage::HeldOutput& held, const std::string& dir) {
  const std::string path = dir + "/" + kResultName;
  std::ofstream file(path + ".new", std::ios::binary);
  file << EncodeResult(held);
  file.close();
  if (!file) return ResourceExhaustedError("{}: cannot be written", path);
  RETURN_IF_ERROR(FileSystem::Real()->Rename(path + ".new", path));
  {
    MutexLock lock(&mutex_);
    held_[held.id().job_id()][FormatAttempt(held.id())] = {.held = held, .dir = dir};
  }
  Ended(held.id().job_id(), FormatAttempt(held.id()));
  return absl::OkStatus();
}

void Scratch::Discard(const std::string& dir) {
  KeepOnlyLog(dir);
  const fs::path path(dir);
  Ended(path.parent_path().filename().string(), path.filename().string());
}

void Scratch::Ended(const std::string& job_id, const std::string& attempt) {
  MutexLock lock(&mutex_);
  const auto job = running_.find(job_id);
  if (job == running_.end()) return;
  job->second.erase(attempt);
  if (job->second.empty()) running_.erase(job);
}

std::vector<pb::WorkerMessage::HeldOutput> Scratch::Held() const {
  MutexLock lock(&mutex_);
  std::vector<pb::WorkerMessage::HeldOutput> all;
  for (const auto& [job, attempts] : held_) {
    for (const auto& [name, entry] : attempts) all.push_back(entry.held);
  }
  return all;
}

const Scratch::HeldEntry* Scratch::FindEntry(const pb::AttemptId& id) const {
  const auto job = held_.find(id.job_id());
  if (job == held_.end()) return nullptr;
  const auto entry = job->second.find(FormatAttempt(id));
  return entry == job->second.end() ? nullptr : &entry->second;
}

std::optional<pb::WorkerMessage::HeldOutput> Scratch::FindHeld(const pb::AttemptId& id) const {
  MutexLock lock(&mutex_);
  const HeldEntry* entry = FindEntry(id);
  if (entry == nullptr) return std::nullopt;
  return entry->held;
}

absl::StatusOr<std::string> Scratch::FindMapOutput(const pb::AttemptId& id) const {
  MutexLock lock(&mutex_);
  const HeldEntry* entry = FindEntry(id);
  if (entry == nullptr) return NotHeld(id);
  return MapOutputIn(entry->dir);
}

absl::StatusOr<std::shared_ptr<MapOutputFile>> Scratch::OpenMapOutput(const pb::AttemptId& id) {
  std::string path;
  std::shared_ptr<OpenFile> open;
  {
    MutexLock lock(&mutex_);
    const HeldEntry* entry = FindEntry(id);
    if (entry == nullptr) return NotHeld(id);
    path = MapOutputIn(entry->dir);
    open = entry->open;
    if (*open != nullptr) return *open;
  }
  ASSIGN_OR_RETURN(OpenFile file, MapOutputFile::Open(path));
  OpenFile oldest;  // closed without the lock
  MutexLock lock(&mutex_);
  if (std::exchange(*open, file) != nullptr) return file;
  opened_.push_back(open);
  if (opened_.size() <= kMaxOpenOutputs) return file;
  if (const auto first = opened_.front().lock()) oldest = std::move(*first);
  opened_.pop_front();
  return file;
}

absl::StatusOr<std::string> Scratch::FindLog(const pb::AttemptId& id) const {
  if (!IsJobId(id.job_id())) return InvalidArgumentError("'{}' is no job", id.job_id());
  for (const std::string& dir : dirs_) {
    const std::string path = AttemptDir(dir, id) + "/" + kLogName;
    if (FileSystem::Real()->Exists(path)) return path;
  }
  return NotFoundError("{} {}: it printed nothing, or its log is no longer there", id.job_id(),
                       FormatAttempt(id));
}

std::vector<std::string> Scratch::Jobs() const {
  MutexLock lock(&mutex_);
  std::vector<std::string> jobs;
  for (const auto& [job, attempts] : held_) jobs.push_back(job);
  return jobs;
}

void Scratch::ForgetJob(const std::string& job_id) {
  decltype(held_)::node_type gone;  // closes its files without the lock
  MutexLock lock(&mutex_);
  gone = held_.extract(job_id);
}

void Scratch::RemoveJob(const std::string& job_id) {
  if (!IsJobId(job_id)) return;
  ForgetJob(job_id);  // an attempt may have ended since
  for (const std::string& dir : dirs_) {
    const std::string job_dir = fmt::format("{}/jobs/{}", dir, job_id);
    for (const std::string& attempt : ReadableNames(job_dir)) KeepOnlyLog(job_dir + "/" + attempt);
  }
  DropOldLogs();
}

void Scratch::KeepOnlyLog(const std::string& attempt_dir) {
  std::error_code error;
  bool has_log = false;
  for (const std::string& name : ReadableNames(attempt_dir)) {
    const fs::path path = fs::path(attempt_dir) / name;
    const bool log = name == kLogName && fs::file_size(path, error) > 0 && !error;
    has_log = has_log || log;
    if (!log) fs::remove_all(path, error);
  }
  if (has_log) return;
  fs::remove(attempt_dir, error);
  fs::remove(fs::path(attempt_dir).parent_path(), error);  // only when it is empty
}

void Scratch::DropOldLogs() {
  for (const std::string& dir : dirs_) {
    std::vector<std::string> jobs = ReadableNames(dir + "/jobs");
    if (jobs.size() <= kJobsWithLogs) continue;
    std::sort(jobs.begin(), jobs.end(), IsOlder);
    jobs.resize(jobs.size() - kJobsWithLogs);
    for (const std::string& job : jobs) DropLogs(dir, job);
  }
}

// Without the lock: a disk may take any time, and heartbeats and orders need what it guards.
void Scratch::DropLogs(const std::string& dir, const std::string& job) {
  {
    MutexLock lock(&mutex_);
    if (held_.contains(job) || running_.contains(job) || !doomed_.insert(job).second) return;
  }
  files_->RemoveTree(fmt::format("{}/jobs/{}", dir, job)).IgnoreError();
  MutexLock lock(&mutex_);
  doomed_.erase(job);
  removed_.SignalAll();
}

}  // namespace quern::mr
