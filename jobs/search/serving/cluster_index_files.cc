#include "jobs/search/serving/cluster_index_files.h"

#include <absl/time/time.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "client/file_system.h"
#include "common/fd.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/random.h"
#include "common/storage/file_io.h"

namespace quern::search {
namespace {

constexpr size_t kMaxSmallFile = 64 << 20;
constexpr auto kForgottenAfter = std::chrono::hours(24 * 30);
// Whether others have ended is looked at often at first: mostly they hold the cache for moments.
constexpr absl::Duration kFirstWait = absl::Milliseconds(1);
constexpr absl::Duration kLongestWait = absl::Milliseconds(100);
constexpr absl::Duration kLongToWait = absl::Seconds(1);  // worth a line in the log

std::string CacheRoot(const std::string& chosen) {
  if (!chosen.empty()) return chosen;
  for (const auto& [name, below] : {std::pair{"XDG_CACHE_HOME", ""}, {"HOME", "/.cache"}}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && *value == '/') return std::string(value) + below;
  }
  return fmt::format("/tmp/quern-cache-{}", getuid());
}

class ClusterIndexFiles final : public IndexFiles {
 public:
  ClusterIndexFiles(std::vector<std::string> masters, std::string dir,
                    const IndexFilesOptions& options)
      : fs_(client::FileSystem::Create({.masters = std::move(masters)})),
        dir_(std::move(dir)),
        cache_root_(CacheRoot(options.cache_dir) + "/quern/search"),
        stopping_(options.stopping),
        clock_(options.clock) {}

  absl::StatusOr<std::string> Identity(std::string_view name) override {
    ASSIGN_OR_RETURN(const client::FileStatus status, fs_->Stat(Path(name)));
    return fmt::format("{}-{}-{}", status.inode.value(), status.length,
                       absl::ToUnixNanos(status.mtime));
  }

  absl::StatusOr<std::string> Read(std::string_view name) override {
    ASSIGN_OR_RETURN(const auto reader, fs_->Open(Path(name)));
    const uint64_t length = reader->status().length;
    if (length > kMaxSmallFile) {
      return ResourceExhaustedError("{}: {} bytes, of at most {}", Path(name), length,
                                    kMaxSmallFile);
    }
    std::string bytes(length, '\0');
    ASSIGN_OR_RETURN(const size_t got, reader->Pread(0, length, bytes.data()));
    bytes.resize(got);
    return bytes;
  }

  absl::StatusOr<std::string> Fetch(std::string_view name) override {
    RETURN_IF_ERROR(OpenCache());
    // Of a file that was replaced the older copy is of no use any more.
    copies_.erase(std::string(name));
    ASSIGN_OR_RETURN(const std::string identity, Identity(name));
    const std::string copy = fmt::format("{}/{}", cache_, identity);
    const bool exists = FileSystem::Real()->Exists(copy);
    if (!exists) RETURN_IF_ERROR(Annotate(Copy(Path(name), copy), Path(name)));
    copies_.emplace(name, CopyOfFile{identity, exists});
    return copy;
  }

  bool Discard(std::string_view name) override {
    const auto found = copies_.find(std::string(name));
    if (found == copies_.end() || !found->second.is_older) return false;
    const std::string copy = fmt::format("{}/{}", cache_, found->second.file);
    copies_.erase(found);
    return unlink(copy.c_str()) == 0;
  }

  void Keep(const std::vector<std::string>& names) override {
    if (cache_.empty() || !OpenCache(Others::kLeave).ok()) return;
    std::erase_if(copies_, [&](const auto& copy) {
      return std::find(names.begin(), names.end(), copy.first) == names.end();
    });
    // What is mapped stays until it is unmapped, whatever happens to its name.
    std::error_code ignored;
    for (const std::string& file : ReadableNames(cache_)) {
      const bool wanted = std::any_of(copies_.begin(), copies_.end(),
                                      [&](const auto& copy) { return copy.second.file == file; });
      if (!wanted && file != "lock") {
        std::filesystem::remove(fmt::format("{}/{}", cache_, file), ignored);
      }
    }
    RemoveForgotten();
    Release();
  }

  // Copies stay: another attempt may want them, and the next Keep removes those that it does not.
  void Release() override { lock_ = UniqueFd(); }

  std::string Describe(std::string_view name) const override { return Path(name); }

 private:
  struct CopyOfFile {
    std::string file;
    bool is_older = false;  // it was there before the Fetch
  };

  std::string Path(std::string_view name) const { return fmt::format("{}/{}", dir_, name); }

  // Where another process is at the cache.
  enum class Others { kWaitFor, kLeave };

  // Held until Keep or Release: another process must not remove what this one is about to map.
  absl::Status OpenCache(Others others = Others::kWaitFor) {
    if (lock_.get() >= 0) return absl::OkStatus();
    if (cache_.empty()) {
      ASSIGN_OR_RETURN(const client::ClusterStatus cluster, fs_->GetCluster());
      cache_ =
          fmt::format("{}/{}", cache_root_, HashBytes128(cluster.cluster_id + dir_).ToString());
    }
    RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(cache_));
    const std::string lock = cache_ + "/lock";
    UniqueFd fd(open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (fd.get() < 0) return ErrnoStatus(errno, lock);
    RETURN_IF_ERROR(Lock(fd.get(), others));
    lock_ = std::move(fd);
    // The directory's time says when it was of use.
    utimensat(AT_FDCWD, cache_.c_str(), nullptr, 0);
    return absl::OkStatus();
  }

  absl::Status Lock(int fd, Others others) {
    const absl::Time began = clock_->MonotonicNow();
    bool said = false;
    for (absl::Duration wait = kFirstWait; flock(fd, LOCK_EX | LOCK_NB) != 0;
         wait = std::min(2 * wait, kLongestWait)) {
      if (errno != EWOULDBLOCK && errno != EINTR) return ErrnoStatus(errno, cache_);
      if (others == Others::kLeave) return UnavailableError("{}: others fetch", dir_);
      if (stopping_()) return Stopped();
      if (!said && clock_->MonotonicNow() - began >= kLongToWait) {
        LogInfo("index_waits_for_others", {{"index", dir_}, {"cache", cache_}});
        said = true;
      }
      clock_->Sleep(wait);
    }
    return absl::OkStatus();
  }

  absl::Status Stopped() const { return CancelledError("{}: told to end meanwhile", dir_); }

  absl::Status Copy(const std::string& from, const std::string& to) {
    const std::string unfinished = fmt::format("{}.{}", to, RandomHex(4));
    const absl::Status status = CopyBytes(from, unfinished);
    if (status.ok()) return FileSystem::Real()->Rename(unfinished, to);
    unlink(unfinished.c_str());
    return status;
  }

  absl::Status CopyBytes(const std::string& from, const std::string& to) {
    ASSIGN_OR_RETURN(const auto reader, fs_->Open(from));
    ASSIGN_OR_RETURN(const auto file,
                     FileSystem::Real()->Open(to, {.create = true, .truncate = true}));
    const auto stream = reader->Stream(0, reader->status().length);
    uint64_t offset = 0;
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
      if (bytes.empty()) break;
      if (stopping_()) return Stopped();
      const iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
      RETURN_IF_ERROR(file->Pwritev({&part, 1}, offset));
      offset += bytes.size();
    }
    // The name must not come to stand for less than all after a power cut.
    return file->Datasync();
  }

  void RemoveForgotten() const {
    std::error_code ignored;
    const auto used = std::filesystem::last_write_time(cache_, ignored);
    for (const std::string& name : ReadableNames(cache_root_)) {
      const std::string cache = fmt::format("{}/{}", cache_root_, name);
      const auto time = std::filesystem::last_write_time(cache, ignored);
      if (!ignored && used - time > kForgottenAfter) std::filesystem::remove_all(cache, ignored);
    }
  }

  const std::unique_ptr<client::FileSystem> fs_;
  const std::string dir_;
  const std::string cache_root_;
  const std::function<bool()> stopping_;
  Clock* const clock_;
  std::string cache_;  // of this index
  UniqueFd lock_;
  std::map<std::string, CopyOfFile> copies_;  // by name
};

}  // namespace

std::unique_ptr<IndexFiles> MakeClusterIndexFiles(std::vector<std::string> masters, std::string dir,
                                                  const IndexFilesOptions& options) {
  return std::make_unique<ClusterIndexFiles>(std::move(masters), std::move(dir), options);
}

}  // namespace quern::search
