#include "common/storage/file_io.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace quern {
namespace {

absl::Status FileError(std::string_view step, const std::string& path) {
  const int error_number = errno;  // before the formatting changes it
  return ErrnoStatus(error_number, fmt::format("{} {}", step, path));
}

absl::Status FromErrorCode(std::string_view step, const std::string& path,
                           const std::error_code& error) {
  if (!error) return absl::OkStatus();
  return ErrnoStatus(error.value(), fmt::format("{} {}", step, path));
}

// Adds the names in `dir`, in order, and on an error those before it. Not a range-for: its steps
// throw where a disk fails in the middle of a listing.
std::error_code AppendNames(const std::string& dir, std::vector<std::string>* names) {
  std::error_code error;
  std::filesystem::directory_iterator entry(dir, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names->push_back(entry->path().filename().string());
  }
  std::sort(names->begin(), names->end());
  return error;
}

// What is left of an iovec list after part of it was written.
class RemainingParts {
 public:
  explicit RemainingParts(std::span<const iovec> parts) : parts_(parts.begin(), parts.end()) {
    SkipEmpty();
  }
  bool empty() const { return first_ == parts_.size(); }
  const iovec* data() const { return parts_.data() + first_; }
  int count() const { return static_cast<int>(std::min<size_t>(parts_.size() - first_, IOV_MAX)); }
  void Consume(size_t n) {
    while (n > 0) {
      iovec& part = parts_[first_];
      const size_t step = std::min(n, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + step;
      part.iov_len -= step;
      n -= step;
      SkipEmpty();
    }
  }

 private:
  void SkipEmpty() {
    while (first_ < parts_.size() && parts_[first_].iov_len == 0) ++first_;
  }
  std::vector<iovec> parts_;
  size_t first_ = 0;
};

class RealFile : public File {
 public:
  RealFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~RealFile() override { close(fd_); }

  absl::Status Pwritev(std::span<const iovec> parts, uint64_t offset) override {
    RemainingParts remaining(parts);
    while (!remaining.empty()) {
      const ssize_t n =
          pwritev(fd_, remaining.data(), remaining.count(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FileError("write", path_);
      remaining.Consume(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> Pread(uint64_t offset, size_t n, char* out) override {
    size_t done = 0;
    while (done < n) {
      const ssize_t got = pread(fd_, out + done, n - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FileError("read", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  absl::Status StartWriteback(uint64_t offset, uint64_t n) override {
    if (sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(n),
                        SYNC_FILE_RANGE_WRITE) != 0) {
      return FileError("sync_file_range", path_);
    }
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    while (ftruncate(fd_, static_cast<off_t>(size)) != 0) {
      if (errno != EINTR) return FileError("truncate", path_);
    }
    return absl::OkStatus();
  }

  absl::Status Reserve(uint64_t n) override {
    if (n == 0) return absl::OkStatus();
    while (fallocate(fd_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(n)) != 0) {
      // File systems without reservations (some network and memory ones) just do without.
      if (errno == EOPNOTSUPP) return absl::OkStatus();
      if (errno != EINTR) return FileError("reserve space in", path_);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat info {};
    if (fstat(fd_, &info) != 0) return FileError("stat", path_);
    return static_cast<uint64_t>(info.st_size);
  }

  int fd() const override { return fd_; }
  const std::string& path() const override { return path_; }

 private:
  absl::Status Datasync() override {
    // No retry, not even after EINTR: the kernel may have marked the lost pages clean, and a second
    // call would then report success.
    if (fdatasync(fd_) != 0) return FileError("fdatasync", path_);
    return absl::OkStatus();
  }

  const int fd_;
  const std::string path_;
};

// No file gets the number of a standard stream that somebody in this process has closed: what is
// printed there would be in it.
int AboveStreams(int fd) {
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error = errno;
  close(fd);
  errno = error;
  return above;
}

class RealFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             const OpenOptions& options) override {
    int flags = O_CLOEXEC | (options.write || options.create ? O_RDWR : O_RDONLY);
    if (options.create) flags |= O_CREAT;
    if (options.exclusive) flags |= O_EXCL;
    if (options.truncate) flags |= O_TRUNC;
    while (true) {
      const int fd = AboveStreams(open(path.c_str(), flags, 0644));
      if (fd >= 0) return std::make_unique<RealFile>(fd, path);
      if (errno != EINTR) return FileError("open", path);
    }
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return FileError("remove", path);
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) {
      return FileError("rename", fmt::format("{} to {}", from, to));
    }
    return absl::OkStatus();
  }

  absl::Status MakeDirs(const std::string& path) override {
    // Of "a/" the name that has to be durable is in what holds "a".
    if (path.size() > 1 && path.back() == '/') return MakeDirs(path.substr(0, path.size() - 1));
    if (path.empty()) return absl::OkStatus();
    const absl::Status made = MakeDir(path);
    if (!absl::IsNotFound(made) || ParentDir(path) == path) return made;
    RETURN_IF_ERROR(MakeDirs(ParentDir(path)));
    // Once: there are file systems in which nothing can be made, and which say so in this way.
    return MakeDir(path);
  }

  absl::Status RemoveTree(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    return FromErrorCode("remove", path, error);
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override {
    std::vector<std::string> names;
    RETURN_IF_ERROR(FromErrorCode("list", dir, AppendNames(dir, &names)));
    return names;
  }

  absl::Status SyncDir(const std::string& dir) override {
    const int fd = open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return FileError("open directory", dir);
    const absl::Status status = fsync(fd) == 0 ? absl::OkStatus() : FileError("fsync", dir);
    close(fd);
    return status;
  }

  absl::StatusOr<DiskSpace> Space(const std::string& path) override {
    struct statvfs info {};
    if (statvfs(path.c_str(), &info) != 0) return FileError("statvfs", path);
    return DiskSpace{.capacity_bytes = uint64_t{info.f_blocks} * info.f_frsize,
                     .free_bytes = uint64_t{info.f_bavail} * info.f_frsize};
  }

  bool Exists(const std::string& path) override { return access(path.c_str(), F_OK) == 0; }

 private:
  absl::Status MakeDir(const std::string& path) {
    if (mkdir(path.c_str(), 0755) == 0) return SyncDir(ParentDir(path));
    const int error = errno;
    if (error == EEXIST && IsDirectory(path)) return SyncNameOf(path);
    errno = error;
    return FileError("make directory", path);
  }
  // Of a directory that is there: whoever made it may have been killed before its name was durable,
  // or be in the middle of it. What lies where this process may not write it did not make; and what
  // may not be read cannot be synced.
  absl::Status SyncNameOf(const std::string& path) {
    const std::string parent = ParentDir(path);
    return access(parent.c_str(), R_OK | W_OK) == 0 ? SyncDir(parent) : absl::OkStatus();
  }
};

}  // namespace

FileSystem* FileSystem::Real() {
  static RealFileSystem* const fs = new RealFileSystem;
  return fs;
}

absl::Status File::Pwrite(std::string_view bytes, uint64_t offset) {
  const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  return Pwritev({&part, 1}, offset);
}

absl::StatusOr<std::string> ReadFileToString(FileSystem* fs, const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, fs->Open(path, {}));
  std::string bytes;
  // Not by Size(), which is 0 for the files of /proc.
  constexpr size_t kStep = size_t{64} << 10;
  while (true) {
    const size_t old_size = bytes.size();
    bytes.resize(old_size + kStep);
    ASSIGN_OR_RETURN(const size_t got, file->Pread(old_size, kStep, bytes.data() + old_size));
    bytes.resize(old_size + got);
    if (got < kStep) return bytes;
  }
}

absl::Status WriteFileDurably(FileSystem* fs, const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  {
    ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                     fs->Open(temporary, {.write = true, .create = true, .truncate = true}));
    RETURN_IF_ERROR(file->Pwrite(bytes, 0));
    RETURN_IF_ERROR(file->Datasync());
  }
  RETURN_IF_ERROR(fs->Rename(temporary, path));
  return fs->SyncDir(ParentDir(path));
}

std::vector<std::string> ReadableNames(const std::string& dir) {
  std::vector<std::string> names;
  AppendNames(dir, &names);
  return names;
}

bool IsRegularFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

bool IsDirectory(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

std::string ParentDir(std::string_view path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace quern
