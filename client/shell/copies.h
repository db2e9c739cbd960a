// Many files on their way into the cluster: what `dfs put` and `dfs cp` share. Several are under
// way at a time, and small ones go many in one call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/file_system.h"
#include "client/shell/rate_limit.h"
#include "client/shell/shell.h"
#include "common/cli/progress.h"
#include "common/status.h"

namespace quern::shell {

// A file that is to be copied.
struct CopyJob {
  std::string source{};
  std::string target{};
  uint64_t size = 0;                // 0: not known, as of stdin
  client::CreateOptions options{};  // of the target; what is expected to come is filled in
};

// What has come of one.
struct Copied {
  uint64_t bytes = 0;
  std::optional<uint32_t> crc{};  // printed when it is there
};

// Reads what is copied. Called by several threads.
class CopySource {
 public:
  virtual ~CopySource() = default;
  // The bytes of a file that was small. Nothing when it cannot be read, or has become empty or
  // large: it is copied alone, where it is told what is wrong with it.
  virtual std::optional<std::string> ReadSmall(const CopyJob& job) const = 0;
  // A file of any size. ABORTED: servers lost power under it, and it has to be written again.
  virtual absl::StatusOr<Copied> CopyAlone(const CopyJob& job, Progress* progress) const = 0;
  // Whether the file can be read from its start once more; not so what comes from a pipe.
  virtual bool CanReadAgain(const CopyJob&) const { return true; }
};

struct CopyOptions {
  size_t workers = 4;          // files, or groups of small ones, at a time
  bool print_crc = false;      // of small files; the source says it of the others
  RateLimit* limit = nullptr;  // of small files; the source keeps the others to it
};

class Copies {
 public:
  // `shell` and `source` are borrowed.
  Copies(Shell* shell, const CopySource* source, CopyOptions options);

  // Tries each; after Ctrl-C no further one. What cannot be copied is told to shell->Report, with
  // --json a line is printed for what was.
  void Run(std::span<const CopyJob> jobs) const;

 private:
  void CopySmall(std::span<const CopyJob> jobs, Progress* progress) const;
  void CopyAlone(const CopyJob& job, Progress* progress) const;
  void Tell(const CopyJob& job, const absl::StatusOr<Copied>& copied) const;

  Shell* const shell_;
  const CopySource* const source_;
  const CopyOptions options_;
};

// Up to here chunkservers keep the bytes beside their index, and dozens of files cost one sync.
inline constexpr uint64_t kSmallFileBytes = uint64_t{32} << 10;

// Of files of these sizes, in their order, how many go together: those that follow each other and
// are small and not empty, as long as there is something to do for all workers. The sum is all.
std::vector<size_t> GroupSmallFiles(std::span<const uint64_t> sizes, size_t workers);

// The bytes of a small file of this machine, as CopySource::ReadSmall gives them.
std::optional<std::string> ReadSmallFile(const std::string& path);

}  // namespace quern::shell
