#include "client/shell/copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "client/shell/interrupt.h"
#include "common/storage/file_io.h"

namespace quern::shell {
namespace {

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

absl::Status CopyFromFd(int fd, std::string_view name, client::FileWriter* writer,
                        Progress* progress) {
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // pipes have no such thing; no matter
  while (true) {
    RETURN_IF_ERROR(CheckInterrupt());
    ASSIGN_OR_RETURN(const std::span<char> room, writer->Room());
    const ssize_t n = read(fd, room.data(), room.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, name);
    if (n == 0) return absl::OkStatus();
    RETURN_IF_ERROR(writer->Commit(static_cast<size_t>(n)));
    progress->Add(static_cast<uint64_t>(n));
  }
}

absl::Status CopyToFd(client::ReadStream* stream, int fd, std::string_view name,
                      Progress* progress) {
  while (true) {
    RETURN_IF_ERROR(CheckInterrupt());
    ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
    if (bytes.empty()) return absl::OkStatus();
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

absl::StatusOr<LocalTarget> LocalTarget::Create(const std::string& path) {
  std::string temporary = ParentDir(path) + "/.dfs-get-XXXXXX";
  UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, path);
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(fd.get(), 0666 & ~mask);  // mkostemp gives 0600
  return LocalTarget(path, std::move(temporary), std::move(fd));
}

LocalTarget::LocalTarget(std::string path, std::string temporary, UniqueFd fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

LocalTarget::~LocalTarget() {
  if (fd_ && !temporary_.empty()) unlink(temporary_.c_str());
}

absl::Status LocalTarget::Commit(bool replace) {
  const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
  int result = renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), flags);
  if (result != 0 && errno == EINVAL && !replace && access(path_.c_str(), F_OK) != 0) {
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

void LocalTarget::SetAttributes(const client::FileStatus& status) {
  fchmod(fd_.get(), status.mode);
  const timespec time = absl::ToTimespec(status.mtime);
  const timespec times[] = {time, time};
  futimens(fd_.get(), times);
}

}  // namespace quern::shell
