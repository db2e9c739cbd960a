#include "client/shell/put_small.h"

#include <fcntl.h>

#include <algorithm>

#include "client/shell/copy.h"
#include "common/fd.h"

namespace quern::shell {
namespace {

constexpr size_t kTogether = 64;

bool IsSmall(uint64_t size) { return size > 0 && size <= kSmallFileBytes; }

}  // namespace

std::vector<size_t> GroupSmallFiles(std::span<const uint64_t> sizes, size_t workers) {
  const size_t most = std::clamp<size_t>(sizes.size() / workers, 1, kTogether);
  std::vector<size_t> groups;
  while (!sizes.empty()) {
    size_t count = 1;
    if (IsSmall(sizes[0])) {
      while (count < std::min(most, sizes.size()) && IsSmall(sizes[count])) ++count;
    }
    groups.push_back(count);
    sizes = sizes.subspan(count);
  }
  return groups;
}

std::vector<std::span<const PutJob>> GroupPutJobs(std::span<const PutJob> jobs, size_t workers) {
  std::vector<uint64_t> sizes;
  for (const PutJob& job : jobs) sizes.push_back(job.source.path == "-" ? 0 : job.source.size);
  std::vector<std::span<const PutJob>> groups;
  for (const size_t count : GroupSmallFiles(sizes, workers)) {
    groups.push_back(jobs.first(count));
    jobs = jobs.subspan(count);
  }
  return groups;
}

std::optional<std::string> ReadSmallFile(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string bytes(kSmallFileBytes + 1, '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const auto n = ReadSome(fd.get(), path, std::span(bytes).subspan(have));
    if (!n.ok()) return std::nullopt;
    if (*n == 0) break;
    have += *n;
  }
  if (have == 0 || have > kSmallFileBytes) return std::nullopt;
  bytes.resize(have);
  return bytes;
}

}  // namespace quern::shell
