// Bytes on their way: between descriptors of this machine and files of the cluster.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "client/file_system.h"
#include "common/cli/progress.h"
#include "common/fd.h"
#include "common/status.h"

namespace quern::shell {

// To the end of `fd`, read straight into the writer's memory. `name` is for errors.
absl::Status CopyFromFd(int fd, std::string_view name, client::FileWriter* writer,
                        Progress* progress);
// All that the stream gives.
absl::Status CopyToFd(client::ReadStream* stream, int fd, std::string_view name,
                      Progress* progress);
absl::Status CopyToWriter(client::ReadStream* stream, client::FileWriter* writer,
                          Progress* progress);

// A local file that appears under its name complete or not at all: written under a temporary name
// beside it, renamed by Commit, removed otherwise.
class LocalTarget {
 public:
  static absl::StatusOr<LocalTarget> Create(const std::string& path);
  LocalTarget(LocalTarget&&) = default;
  ~LocalTarget();

  int fd() const { return fd_.get(); }
  // AlreadyExists when something has the name and `replace` is false.
  absl::Status Commit(bool replace);
  void SetAttributes(const client::FileStatus& status);

 private:
  LocalTarget(std::string path, std::string temporary, UniqueFd fd);
  std::string path_;
  std::string temporary_;  // empty once it is renamed
  UniqueFd fd_;
};

}  // namespace quern::shell
