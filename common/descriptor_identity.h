// What is behind the number of a descriptor: to notice that somebody else in the process has closed
// it, and that the number may be another file's by now.
#pragma once

#include <sys/stat.h>

namespace quern {

struct DescriptorIdentity {
  dev_t device = 0;
  ino_t inode = 0;  // 0 with device 0: nothing is open

  // No two files, sockets or memory files that exist at the same time have the same one; all epoll
  // and event descriptors have one between them. For handlers of signals as well.
  static DescriptorIdentity Of(int fd) {
    struct stat info {};
    if (fstat(fd, &info) != 0) return {};
    return {info.st_dev, info.st_ino};
  }
  bool operator==(const DescriptorIdentity&) const = default;
};

}  // namespace quern
