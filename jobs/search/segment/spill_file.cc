#include "jobs/search/segment/spill_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "common/temporary_root.h"

namespace quern::search {

namespace {

std::system_error SpillError(const std::string& what) {
  return {errno, std::generic_category(), what};
}

}  // namespace

void SpillFile::Open() {
  std::string path = TemporaryRoot() + "/quern-spill-XXXXXX";
  fd_.Reset(mkostemp(path.data(), O_CLOEXEC));
  if (!fd_) throw SpillError("make " + path);
  unlink(path.c_str());
}

void SpillFile::Append(std::string_view bytes) {
  if (!fd_) Open();
  mapping_.Reset();
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw SpillError("write to " + TemporaryRoot());
    bytes.remove_prefix(static_cast<size_t>(written));
    size_ += static_cast<size_t>(written);
  }
}

std::string_view SpillFile::View() {
  if (size_ == 0) return {};
  if (!mapping_.is_mapped() && !mapping_.Map(fd_.get(), 0, size_)) {
    throw SpillError("map a file of " + TemporaryRoot());
  }
  return mapping_.bytes();
}

void SpillFile::Clear() {
  mapping_.Reset();
  fd_.Reset();
  size_ = 0;
}

}  // namespace quern::search
