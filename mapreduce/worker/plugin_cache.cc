#include "mapreduce/worker/plugin_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <utility>
#include <vector>

#include "common/hash.h"
#include "common/log.h"
#include "common/storage/file_io.h"

namespace quern::mr {
namespace {

constexpr std::string_view kSuffix = ".so";
constexpr std::string_view kUnchecked = ".new";  // behind it, of one that is on its way

constexpr char kLocalPayload[] = "quern/local_disk";

absl::Status OfThisMachine(absl::Status status) {
  if (!status.ok()) status.SetPayload(kLocalPayload, absl::Cord());
  return status;
}

// Attempts of all jobs have links to it. Keeps out mistakes: whoever owns it may undo this.
absl::Status MakeReadOnly(const std::string& path) {
  return chmod(path.c_str(), 0444) == 0 ? absl::OkStatus()
                                        : OfThisMachine(ErrnoStatus(errno, path));
}

absl::Status CannotBeWritten(const std::string& path) {
  return OfThisMachine(ResourceExhaustedError("{}: cannot be written", path));
}

}  // namespace

PluginCache::PluginCache(std::string dir, Fetch fetch, FileSystem* files)
    : dir_(std::move(dir)), fetch_(std::move(fetch)), files_(files) {
  const auto names = FileSystem::Real()->List(dir_);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!name.ends_with(kUnchecked)) continue;
    FileSystem::Real()->Remove(fmt::format("{}/{}", dir_, name)).IgnoreError();
  }
}

bool PluginCache::IsOfThisMachine(const absl::Status& status) {
  return status.GetPayload(kLocalPayload).has_value();
}

std::string PluginCache::PathOf(const std::string& hash) const {
  return fmt::format("{}/{}{}", dir_, hash, kSuffix);
}

// Not the time of the last change of its inode: each link to it, and the end of each, is one.
PluginCache::Stamp PluginCache::StampOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_size,
          int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

PluginCache::Copy PluginCache::Use(const std::string& hash) {
  Entry& entry = entries_[hash];
  entry.last_use = ++uses_;
  Copy copy = entry.users.lock();
  if (copy == nullptr) {
    copy = std::make_shared<const std::string>(PathOf(hash));
    entry.users = copy;
  }
  return copy;
}

absl::StatusOr<PluginCache::Copy> PluginCache::Get(const pb::JobSpec::Plugin& plugin) {
  const std::string& hash = plugin.hash();
  // It becomes a file name.
  if (hash.size() != 32 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return InvalidArgumentError("plugin: '{}' is no hash", hash);
  }
  Copy copy;
  {
    MutexLock lock(&mutex_);
    // Several attempts of a job start at once: one checks or fetches, the others wait.
    while (busy_.contains(hash)) changed_.Wait(&mutex_);
    copy = Use(hash);
    const Stamp stamp = StampOf(*copy);
    if (stamp != Stamp() && entries_[hash].checked == stamp) return copy;
    busy_.insert(hash);
  }
  const absl::Status status = Provide(plugin);
  MutexLock lock(&mutex_);
  busy_.erase(hash);
  changed_.SignalAll();
  if (!status.ok()) {
    const absl::Status why = Annotate(status, "fetch what the job brings");
    return IsOfThisMachine(status) ? OfThisMachine(why) : why;
  }
  entries_[hash].checked = StampOf(*copy);
  return copy;
}

absl::Status PluginCache::Provide(const pb::JobSpec::Plugin& plugin) {
  const std::string path = PathOf(plugin.hash());
  if (FileSystem::Real()->Exists(path)) {
    // One that an earlier version has left may be written to.
    if (IsIntact(plugin)) return MakeReadOnly(path);
    LogWarning("plugin_damaged", {{"path", path}});
  }
  RETURN_IF_ERROR(Download(plugin, path));
  RemoveIdleCopies();
  return absl::OkStatus();
}

bool PluginCache::IsIntact(const pb::JobSpec::Plugin& plugin) const {
  const auto bytes = ReadFileToString(files_, PathOf(plugin.hash()));
  return bytes.ok() && bytes->size() == plugin.size_bytes() &&
         HashBytes128(*bytes).ToString() == plugin.hash();
}

absl::Status PluginCache::Download(const pb::JobSpec::Plugin& plugin, const std::string& path) {
  const std::string unchecked = fmt::format("{}{}", path, kUnchecked);
  absl::Status status = FetchTo(plugin, unchecked);
  if (status.ok()) status = OfThisMachine(FileSystem::Real()->Rename(unchecked, path));
  // Nobody may ever ask for it again.
  if (!status.ok()) FileSystem::Real()->Remove(unchecked).IgnoreError();
  return status;
}

absl::Status PluginCache::FetchTo(const pb::JobSpec::Plugin& plugin, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  Hasher128 hasher;
  uint64_t size = 0;
  RETURN_IF_ERROR(fetch_(plugin.path(), [&](std::string_view bytes) -> absl::Status {
    hasher.Update(bytes);
    size += bytes.size();
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file) return CannotBeWritten(path);
    return absl::OkStatus();
  }));
  file.close();
  if (!file) return CannotBeWritten(path);
  if (size != plugin.size_bytes() || hasher.Digest().ToString() != plugin.hash()) {
    return DataLossError("{}: is not what the job was submitted with. Try: submit again",
                         plugin.path());
  }
  return MakeReadOnly(path);
}

// Processes that have one loaded keep it: only its name goes.
void PluginCache::RemoveIdleCopies() {
  const auto names = FileSystem::Real()->List(dir_);
  if (!names.ok()) return;
  std::vector<std::pair<uint64_t, std::string>> idle;  // by last use; 0: before this process
  MutexLock lock(&mutex_);
  for (const std::string& name : *names) {
    if (!name.ends_with(kSuffix)) continue;
    const std::string hash = name.substr(0, name.size() - kSuffix.size());
    const auto entry = entries_.find(hash);
    if (entry == entries_.end()) {
      idle.emplace_back(0, hash);
    } else if (entry->second.users.expired()) {
      idle.emplace_back(entry->second.last_use, hash);
    }
  }
  if (idle.size() <= kMaxIdleCopies) return;
  std::sort(idle.begin(), idle.end());
  idle.resize(idle.size() - kMaxIdleCopies);
  for (const auto& [used, hash] : idle) {
    entries_.erase(hash);
    FileSystem::Real()->Remove(PathOf(hash)).IgnoreError();
  }
}

}  // namespace quern::mr
