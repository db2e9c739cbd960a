#include "client/shell/copy.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "client/path.h"
#include "client/shell/interrupt.h"
#include "common/hash.h"
#include "common/random.h"
#include "common/sizes.h"
#include "common/storage/file_io.h"

namespace quern::shell {
namespace {

// Of the names that stand for an open descriptor. Opened by name, a file that a shell has
// redirected the output to would be found and replaced.
std::optional<int> DescriptorOf(std::string_view path) {
  if (path == "-" || path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view prefix : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(prefix)) continue;
    const auto number = ParseNumber(path.substr(prefix.size()), {0, 1 << 20});
    if (number.ok()) return static_cast<int>(*number);
  }
  return std::nullopt;
}

absl::Status WriteAll(int fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return ErrnoStatus(errno, name);
    RETURN_IF_ERROR(CheckInterrupt());
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<size_t> ReadSome(int fd, std::string_view name, std::span<char> room) {
  while (true) {
    RETURN_IF_ERROR(CheckInterrupt());
    const ssize_t n = read(fd, room.data(), room.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return ErrnoStatus(errno, name);
  }
}

absl::Status CopyFromFd(int fd, std::string_view name, client::FileWriter* writer,
                        Progress* progress, RateLimit* limit) {
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // pipes have no such thing; no matter
  while (true) {
    RETURN_IF_ERROR(CheckInterrupt());
    ASSIGN_OR_RETURN(const std::span<char> room, writer->Room());
    ASSIGN_OR_RETURN(const size_t n, ReadSome(fd, name, room));
    if (n == 0) return absl::OkStatus();
    if (limit != nullptr) RETURN_IF_ERROR(limit->Take(n));
    RETURN_IF_ERROR(writer->Commit(n));
    progress->Add(static_cast<uint64_t>(n));
  }
}

absl::Status CopyToFd(client::ReadStream* stream, int fd, std::string_view name, Progress* progress,
                      RateLimit* limit) {
  while (true) {
    RETURN_IF_ERROR(CheckInterrupt());
    ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
    if (bytes.empty()) return absl::OkStatus();
    if (limit != nullptr) RETURN_IF_ERROR(limit->Take(bytes.size()));
    RETURN_IF_ERROR(WriteAll(fd, bytes, name));
    progress->Add(bytes.size());
  }
}

absl::Status CopyToWriter(client::ReadStream* stream, client::FileWriter* writer,
                          Progress* progress) {
  while (true) {
    RETURN_IF_ERROR(CheckInterrupt());
    ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
    if (bytes.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(writer->Append(bytes));
    progress->Add(bytes.size());
  }
}

std::string PartialName(const std::string& path) {
  constexpr size_t kLongestPlainName = 200;
  const std::string name = client::BaseName(path);
  return fmt::format("{}/.{}.dfs-part", ParentDir(path),
                     name.size() <= kLongestPlainName ? name : HashBytes128(name).ToString());
}

absl::StatusOr<LocalTarget> LocalTarget::Create(const std::string& path,
                                                LocalTargetOptions options) {
  if (const auto number = DescriptorOf(path); number.has_value()) {
    UniqueFd fd(fcntl(*number, F_DUPFD_CLOEXEC, 0));
    if (!fd) return ErrnoStatus(errno, path);
    return LocalTarget(path, "", std::move(fd), options);
  }
  struct stat link = {};
  struct stat info = {};
  if (lstat(path.c_str(), &link) != 0) return Beside(path, options);  // names the error, if any
  if (stat(path.c_str(), &info) != 0) {
    return FailedPreconditionError("{}: is a link to what is not there", path);
  }
  if (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)) return WriteInto(path);
  if (S_ISDIR(info.st_mode)) return FailedPreconditionError("{}: is a directory", path);
  if (S_ISSOCK(info.st_mode)) return FailedPreconditionError("{}: is a socket", path);
  if (!options.replace) return AlreadyExistsError("{}: file exists. Try: -f to replace it", path);
  if (S_ISBLK(info.st_mode)) return WriteInto(path);
  if (!S_ISLNK(link.st_mode)) return Beside(path, options);
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  if (real == nullptr) return ErrnoStatus(errno, path);
  return Beside(real.get(), options);
}

absl::StatusOr<LocalTarget> LocalTarget::WriteInto(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return ErrnoStatus(errno, path);
  return LocalTarget(path, "", std::move(fd), {});
}

absl::StatusOr<LocalTarget> LocalTarget::Beside(const std::string& path,
                                                LocalTargetOptions options) {
  if (options.resume) return Resumed(path, options);
  // Not mkstemp, which gives 0600: the mask of the process can only be read by setting it, under
  // the feet of other threads.
  std::string temporary = fmt::format("{}/.dfs-get-{:016x}", ParentDir(path), RandomId());
  const mode_t mode = options.is_private ? 0600 : 0666;
  UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) return ErrnoStatus(errno, path);
  return LocalTarget(path, std::move(temporary), std::move(fd), options);
}

absl::StatusOr<LocalTarget> LocalTarget::Resumed(const std::string& path,
                                                 LocalTargetOptions options) {
  std::string partial = PartialName(path);
  const mode_t mode = options.is_private ? 0600 : 0666;
  // The name is known beforehand: nobody else's file, and none that a link leads to.
  UniqueFd fd(open(partial.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode));
  const bool is_link = !fd && errno == ELOOP;
  struct stat info = {};
  if (!is_link && (!fd || fstat(fd.get(), &info) != 0)) return ErrnoStatus(errno, partial);
  if (is_link || !S_ISREG(info.st_mode) || info.st_uid != geteuid() || info.st_nlink > 1) {
    return FailedPreconditionError("{}: is not what an earlier copy left. Try: remove it", partial);
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    // There are file systems without locks.
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, partial + ": cannot be locked");
    return FailedPreconditionError("{}: another process writes it. Try: again when that has ended",
                                   partial);
  }
  // Another process may have finished it before the lock was ours.
  struct stat now = {};
  if (lstat(partial.c_str(), &now) != 0 || now.st_ino != info.st_ino) {
    return FailedPreconditionError("{}: another process has just finished it. Try: again", partial);
  }
  if (options.is_private && fchmod(fd.get(), mode) != 0) return ErrnoStatus(errno, partial);
  return LocalTarget(path, std::move(partial), std::move(fd), options);
}

LocalTarget::LocalTarget(std::string path, std::string temporary, UniqueFd fd,
                         LocalTargetOptions options)
    : path_(std::move(path)),
      temporary_(std::move(temporary)),
      fd_(std::move(fd)),
      options_(options) {}

LocalTarget::LocalTarget(LocalTarget&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)),
      options_(other.options_) {}

LocalTarget::~LocalTarget() {
  if (temporary_.empty()) return;
  struct stat info = {};
  const bool keep = options_.resume && stat(temporary_.c_str(), &info) == 0 && info.st_size > 0;
  if (!keep) unlink(temporary_.c_str());
}

absl::Status LocalTarget::Commit() {
  // Where the disk is another machine's, or has a quota, this may be the first to hear that the
  // bytes found no room.
  UniqueFd locked;
  if (can_resume()) {
    // Any close tells that, but only the last one gives the lock up: whoever got it before the file
    // has its name would write into what is complete.
    locked = UniqueFd(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!locked) return ErrnoStatus(errno, path_);
  }
  const int closed = close(fd_.Release());
  fd_ = std::move(locked);
  if (closed != 0) return ErrnoStatus(errno, path_);
  if (is_device()) return absl::OkStatus();
  const unsigned flags = options_.replace ? 0 : RENAME_NOREPLACE;
  int result = renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), flags);
  if (result != 0 && errno == EINVAL && !options_.replace && access(path_.c_str(), F_OK) != 0) {
    // A file system that cannot promise not to replace.
    result = std::rename(temporary_.c_str(), path_.c_str());
  }
  if (result != 0 && errno == EEXIST) {
    return AlreadyExistsError("{}: file exists. Try: -f to replace it", path_);
  }
  if (result != 0) return ErrnoStatus(errno, path_);
  temporary_.clear();
  return absl::OkStatus();
}

absl::Status LocalTarget::SetAttributes(const client::FileStatus& status) {
  if (is_device()) return absl::OkStatus();
  const timespec time = absl::ToTimespec(status.mtime);
  const timespec times[] = {time, time};
  // Where there are no modes there may be times.
  int failed = fchmod(fd_.get(), status.mode) == 0 ? 0 : errno;
  if (futimens(fd_.get(), times) != 0 && failed == 0) failed = errno;
  if (failed == 0) return absl::OkStatus();
  return ErrnoStatus(failed, path_ + ": mode and time could not be kept");
}

}  // namespace quern::shell
