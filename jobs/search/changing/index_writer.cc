#include "jobs/search/changing/index_writer.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

#include "client/file_system.h"
#include "common/cluster_config.h"
#include "common/fd.h"
#include "common/random.h"
#include "common/storage/file_io.h"

namespace quern::search {
namespace {

constexpr std::string_view kLocal = "file://";

class ClusterFile final : public NewIndexFile {
 public:
  explicit ClusterFile(std::unique_ptr<client::FileWriter> writer) : writer_(std::move(writer)) {}
  absl::Status Append(std::string_view bytes) override { return writer_->Append(bytes); }
  absl::Status Close() override {
    const absl::Status closed = writer_->Close().status();
    // Nothing had the name before, something has it now.
    return absl::IsAlreadyExists(closed) ? AbortedError("{}", Message(closed)) : closed;
  }

 private:
  const std::unique_ptr<client::FileWriter> writer_;
};

class ClusterWriter final : public IndexWriter {
 public:
  ClusterWriter(std::vector<std::string> masters, std::string dir)
      : fs_(client::FileSystem::Create({.masters = std::move(masters)})), dir_(std::move(dir)) {}

  absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name) override {
    client::CreateOptions options;
    options.overwrite = true;
    return Create(name, options);
  }
  absl::StatusOr<std::unique_ptr<NewIndexFile>> Replace(std::string_view name) override {
    client::CreateOptions options;
    const absl::StatusOr<client::FileStatus> now = fs_->Stat(Path(name));
    if (now.ok()) {
      options.replaces = now->inode;
    } else if (!absl::IsNotFound(now.status())) {
      return now.status();
    }
    return Create(name, options);
  }
  absl::Status Remove(std::string_view name) override { return fs_->Delete(Path(name)).status(); }
  absl::StatusOr<std::vector<std::string>> List() override {
    ASSIGN_OR_RETURN(const auto entries, fs_->List(dir_.empty() ? "/" : dir_));
    std::vector<std::string> names;
    for (const client::FileStatus& entry : entries) names.push_back(entry.name());
    return names;
  }

 private:
  absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name,
                                                       const client::CreateOptions& options) {
    ASSIGN_OR_RETURN(auto writer, fs_->Create(Path(name), options));
    return std::make_unique<ClusterFile>(std::move(writer));
  }
  std::string Path(std::string_view name) const { return fmt::format("{}/{}", dir_, name); }

  const std::unique_ptr<client::FileSystem> fs_;
  const std::string dir_;  // empty: the root
};

std::string DirOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Whoever replaces a file of the directory holds it while he does.
absl::StatusOr<UniqueFd> LockDir(const std::string& dir) {
  UniqueFd fd(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, dir);
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, dir);
  }
  return fd;
}

class LocalFile final : public NewIndexFile {
 public:
  LocalFile(std::unique_ptr<File> file, std::string path, UniqueFd lock)
      : lock_(std::move(lock)), file_(std::move(file)), path_(std::move(path)) {}
  ~LocalFile() override {
    if (file_ != nullptr) FileSystem::Real()->Remove(file_->path()).IgnoreError();
  }
  absl::Status Append(std::string_view bytes) override {
    RETURN_IF_ERROR(file_->Pwrite(bytes, size_));
    size_ += bytes.size();
    return absl::OkStatus();
  }
  absl::Status Close() override {
    RETURN_IF_ERROR(file_->Datasync());
    RETURN_IF_ERROR(FileSystem::Real()->Rename(file_->path(), path_));
    file_.reset();
    const absl::Status synced = FileSystem::Real()->SyncDir(DirOf(path_));
    lock_ = UniqueFd();
    return synced;
  }

 private:
  UniqueFd lock_;  // none for a file that takes its name whatever has it
  std::unique_ptr<File> file_;
  const std::string path_;
  uint64_t size_ = 0;
};

class LocalWriter final : public IndexWriter {
 public:
  explicit LocalWriter(std::string dir) : dir_(std::move(dir)) {}

  absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name) override {
    return Create(name, UniqueFd());
  }
  absl::StatusOr<std::unique_ptr<NewIndexFile>> Replace(std::string_view name) override {
    ASSIGN_OR_RETURN(UniqueFd lock, LockDir(DirOf(Path(name))));
    return Create(name, std::move(lock));
  }
  absl::Status Remove(std::string_view name) override {
    return FileSystem::Real()->Remove(Path(name));
  }
  absl::StatusOr<std::vector<std::string>> List() override {
    return FileSystem::Real()->List(dir_);
  }

 private:
  absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name, UniqueFd lock) {
    const std::string path = Path(name);
    OpenOptions options;
    options.create = options.exclusive = true;
    ASSIGN_OR_RETURN(auto file,
                     FileSystem::Real()->Open(fmt::format("{}.{}", path, RandomHex(4)), options));
    return std::make_unique<LocalFile>(std::move(file), path, std::move(lock));
  }
  std::string Path(std::string_view name) const { return fmt::format("{}/{}", dir_, name); }

  const std::string dir_;
};

}  // namespace

absl::Status IndexWriter::Write(std::string_view name, std::string_view bytes) {
  ASSIGN_OR_RETURN(const auto file, Create(name));
  RETURN_IF_ERROR(file->Append(bytes));
  return file->Close();
}

absl::StatusOr<std::unique_ptr<IndexWriter>> OpenIndexWriter(const std::string& path,
                                                             const std::string& master) {
  std::string dir = path;
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  if (dir.starts_with(kLocal)) return std::make_unique<LocalWriter>(dir.substr(kLocal.size()));
  if (dir == "/") dir.clear();
  ASSIGN_OR_RETURN(auto masters, FindMasters(master));
  return std::make_unique<ClusterWriter>(std::move(masters), std::move(dir));
}

}  // namespace quern::search
