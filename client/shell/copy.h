// Bytes on their way: between descriptors of this machine and files of the cluster.
#pragma once

#include <sys/stat.h>

#include <span>
#include <string>
#include <string_view>

#include "client/file_system.h"
#include "client/shell/rate_limit.h"
#include "common/cli/progress.h"
#include "common/fd.h"
#include "common/status.h"

namespace quern::shell {

// As many bytes as are there at once; 0 at the end. Signals are none of its errors, but for those
// that end the command. `name` is for errors.
absl::StatusOr<size_t> ReadSome(int fd, std::string_view name, std::span<char> room);

// To the end of `fd`, read straight into the writer's memory. `limit` may be null.
absl::Status CopyFromFd(int fd, std::string_view name, client::FileWriter* writer,
                        Progress* progress, RateLimit* limit);
// All that the stream gives.
absl::Status CopyToFd(client::ReadStream* stream, int fd, std::string_view name, Progress* progress,
                      RateLimit* limit);
absl::Status CopyToWriter(client::ReadStream* stream, client::FileWriter* writer,
                          Progress* progress);

struct LocalTargetOptions {
  bool replace = false;     // a file or a disk of that name
  bool is_private = false;  // for its owner alone, as long as SetAttributes says nothing else
  // What is not committed stays beside it, as .NAME.dfs-part, and the next target of this kind
  // begins with it.
  bool resume = false;
};

// Where a file of this name is kept with `resume` until it is complete: hidden, beside it, and the
// same each time. Of a name that leaves no room for more, a hash.
std::string PartialName(const std::string& path);

// A local file that appears under its name complete or not at all: written under a temporary name
// beside it, renamed by Commit, removed otherwise. A link stays one: the file that it names is
// replaced. Terminals, pipes and other devices are written into, since they hold nothing that could
// be half replaced.
class LocalTarget {
 public:
  // "-" is stdout; /dev/stdout, /dev/stderr and /dev/fd/N are what is open there, wherever it goes.
  // AlreadyExists when a file or a disk has the name and is not to be replaced;
  // FailedPrecondition for what is no place for a file, or when another process resumes there.
  static absl::StatusOr<LocalTarget> Create(const std::string& path,
                                            LocalTargetOptions options = {});
  LocalTarget(LocalTarget&& other) noexcept;
  ~LocalTarget();

  int fd() const { return fd_.get(); }
  // It may have bytes already, which can be read and cut off.
  bool can_resume() const { return options_.resume && !is_device(); }
  // Mode and times. Before Commit, which may follow an error: what was copied is whole.
  absl::Status SetAttributes(const client::FileStatus& status);
  // Closes it. AlreadyExists when something has got the name meanwhile.
  absl::Status Commit();

 private:
  LocalTarget(std::string path, std::string temporary, UniqueFd fd, LocalTargetOptions options);
  static absl::StatusOr<LocalTarget> WriteInto(const std::string& path);
  static absl::StatusOr<LocalTarget> Beside(const std::string& path, LocalTargetOptions options);
  static absl::StatusOr<LocalTarget> Resumed(const std::string& path, LocalTargetOptions options);
  bool is_device() const { return temporary_.empty(); }

  std::string path_;
  std::string temporary_;  // empty: written into, or renamed
  UniqueFd fd_;
  LocalTargetOptions options_;
};

}  // namespace quern::shell
