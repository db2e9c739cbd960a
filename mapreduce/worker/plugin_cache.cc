#include "mapreduce/worker/plugin_cache.h"

#include <algorithm>
#include <fstream>

#include "common/hash.h"
#include "common/storage/file_io.h"

namespace quern::mr {

absl::StatusOr<std::string> PluginCache::Get(const v1::JobSpec::Plugin& plugin) {
  const std::string& hash = plugin.hash();
  // It becomes a file name.
  if (hash.size() != 32 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return InvalidArgumentError("plugin: '{}' is no hash", hash);
  }
  const std::string path = fmt::format("{}/{}.so", dir_, hash);
  MutexLock lock(&mutex_);
  // Several attempts of a job start at once: one downloads, the others wait.
  while (downloading_.contains(hash)) changed_.Wait(&mutex_);
  if (FileSystem::Real()->Exists(path)) return path;
  downloading_.insert(hash);
  mutex_.Unlock();
  const absl::Status status = Download(plugin, path);
  mutex_.Lock();
  downloading_.erase(hash);
  changed_.SignalAll();
  if (!status.ok()) return Annotate(status, "fetch the plugin");
  return path;
}

absl::Status PluginCache::Download(const v1::JobSpec::Plugin& plugin, const std::string& path) {
  const std::string unchecked = path + ".new";
  std::ofstream file(unchecked, std::ios::binary | std::ios::trunc);
  Hasher128 hasher;
  uint64_t size = 0;
  RETURN_IF_ERROR(fetch_(plugin.path(), [&](std::string_view bytes) -> absl::Status {
    hasher.Update(bytes);
    size += bytes.size();
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file) return ResourceExhaustedError("{}: cannot be written", unchecked);
    return absl::OkStatus();
  }));
  file.close();
  if (!file) return ResourceExhaustedError("{}: cannot be written", unchecked);
  if (size != plugin.size_bytes() || hasher.Digest().ToString() != plugin.hash()) {
    return DataLossError("{}: is not what the job was submitted with. Try: submit again",
                         plugin.path());
  }
  return FileSystem::Real()->Rename(unchecked, path);
}

}  // namespace quern::mr
