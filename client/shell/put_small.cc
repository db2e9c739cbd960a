#include "client/shell/put_small.h"

#include <fcntl.h>

#include <algorithm>

#include "client/shell/copy.h"
#include "common/fd.h"

namespace quern::shell {
namespace {

// Up to here chunkservers keep the bytes beside their index, and dozens of files cost one sync.
constexpr uint64_t kSmallBytes = uint64_t{32} << 10;
constexpr size_t kTogether = 64;

bool IsSmall(const PutJob& job) {
  return job.source.path != "-" && job.source.size > 0 && job.source.size <= kSmallBytes;
}

}  // namespace

std::vector<std::span<const PutJob>> GroupPutJobs(std::span<const PutJob> jobs, size_t workers) {
  const size_t most = std::clamp<size_t>(jobs.size() / workers, 1, kTogether);
  std::vector<std::span<const PutJob>> groups;
  while (!jobs.empty()) {
    size_t count = 1;
    if (IsSmall(jobs[0])) {
      while (count < std::min(most, jobs.size()) && IsSmall(jobs[count])) ++count;
    }
    groups.push_back(jobs.first(count));
    jobs = jobs.subspan(count);
  }
  return groups;
}

std::optional<std::string> ReadSmallFile(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string bytes(kSmallBytes + 1, '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const auto n = ReadSome(fd.get(), path, std::span(bytes).subspan(have));
    if (!n.ok()) return std::nullopt;
    if (*n == 0) break;
    have += *n;
  }
  if (have == 0 || have > kSmallBytes) return std::nullopt;
  bytes.resize(have);
  return bytes;
}

}  // namespace quern::shell
