#include "client/shell/made_directories.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "client/file_system.h"
#include "common/fd.h"

namespace quern::shell {
namespace {

absl::Status FinishLocal(const MadeDirectory& directory) {
  const UniqueFd fd(open(directory.path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const timespec time = absl::ToTimespec(directory.mtime);
  const timespec times[] = {time, time};
  // Where there are no modes there may be times.
  int failed = fd && fchmod(fd.get(), directory.mode) == 0 ? 0 : errno;
  if (fd && futimens(fd.get(), times) != 0 && failed == 0) failed = errno;
  if (failed == 0) return absl::OkStatus();
  return ErrnoStatus(failed, directory.path + ": mode and time could not be kept");
}

}  // namespace

void FinishDirectories(Shell* shell, const MadeDirectories& made) {
  for (auto directory = made.rbegin(); directory != made.rend(); ++directory) {
    const client::AttributeChange time{
        .mode = {}, .owner = {}, .group = {}, .mtime = directory->mtime};
    const absl::Status status = shell->fs()->SetAttributes(directory->path, time).status();
    if (!status.ok()) shell->Report(status, directory->path);
  }
}

void FinishLocalDirectories(Shell* shell, const MadeDirectories& made) {
  for (auto directory = made.rbegin(); directory != made.rend(); ++directory) {
    const absl::Status status = FinishLocal(*directory);
    if (!status.ok()) shell->Report(status, directory->path);
  }
}

}  // namespace quern::shell
