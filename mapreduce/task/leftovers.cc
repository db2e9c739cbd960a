#include "mapreduce/task/leftovers.h"

#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace quern::mr {

Leftovers::Leftovers() : file_(memfd_create("quern-leftovers", MFD_CLOEXEC)) {}

void Leftovers::Note(const std::string& path) {
  [[maybe_unused]] const ssize_t n = write(file_.get(), path.c_str(), path.size() + 1);
}

void Leftovers::Clear() {
  if (ftruncate(file_.get(), 0) == 0) lseek(file_.get(), 0, SEEK_SET);
}

std::vector<std::string> Leftovers::paths() const {
  std::vector<std::string> paths;
  std::string path;
  char buffer[4096];
  ssize_t got = 0;
  for (off_t at = 0; (got = pread(file_.get(), buffer, sizeof(buffer), at)) > 0; at += got) {
    for (ssize_t i = 0; i < got; ++i) {
      if (buffer[i] != '\0') {
        path += buffer[i];
      } else {
        paths.push_back(std::exchange(path, ""));
      }
    }
  }
  return paths;  // one without an end was never made
}

}  // namespace quern::mr
