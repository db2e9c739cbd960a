#include "client/shell/copies.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "client/shell/copy.h"
#include "client/shell/interrupt.h"
#include "client/shell/jobs.h"
#include "common/crc32c.h"
#include "common/fd.h"

namespace quern::shell {
namespace {

constexpr size_t kTogether = 64;
// Of one file, each after another power cut.
constexpr int kMaxRewrites = 3;

bool IsSmall(uint64_t size) { return size > 0 && size <= kSmallFileBytes; }

std::string NameOfAll(std::span<const CopyJob> jobs) {
  return jobs.size() == 1 ? BaseName(jobs[0].source) : fmt::format("{} files", jobs.size());
}

}  // namespace

Copies::Copies(Shell* shell, const CopySource* source, CopyOptions options)
    : shell_(shell), source_(source), options_(options) {}

void Copies::Run(std::span<const CopyJob> jobs) const {
  std::vector<uint64_t> sizes;
  uint64_t total = 0;
  for (const CopyJob& job : jobs) {
    sizes.push_back(job.size);
    total += job.size;
  }
  std::vector<std::span<const CopyJob>> groups;
  std::span<const CopyJob> left = jobs;
  for (const size_t count : GroupSmallFiles(sizes, options_.workers)) {
    groups.push_back(left.first(count));
    left = left.subspan(count);
  }
  const auto progress =
      shell_->StartProgress(NameOfAll(jobs), total, ProgressOptions::Unit::kBytes);
  RunJobs(groups.size(), options_.workers, [&](size_t i) {
    if (groups[i].size() > 1) return CopySmall(groups[i], progress.get());
    CopyAlone(groups[i].front(), progress.get());
  });
}

void Copies::CopyAlone(const CopyJob& job, Progress* progress) const {
  absl::StatusOr<Copied> copied = source_->CopyAlone(job, progress);
  for (int again = 0; absl::IsAborted(copied.status()) && again < kMaxRewrites; ++again) {
    if (!source_->CanReadAgain(job) || Interrupted()) break;
    copied = source_->CopyAlone(job, progress);
  }
  Tell(job, copied);
}

void Copies::CopySmall(std::span<const CopyJob> jobs, Progress* progress) const {
  std::vector<std::string> contents;
  std::vector<const CopyJob*> together;
  uint64_t bytes_together = 0;
  for (const CopyJob& job : jobs) {
    if (Interrupted()) return;
    std::optional<std::string> bytes = source_->ReadSmall(job);
    if (bytes.has_value()) {
      bytes_together += bytes->size();
      contents.push_back(*std::move(bytes));
      together.push_back(&job);
    } else {
      CopyAlone(job, progress);
    }
  }
  std::vector<client::SmallFile> files;
  for (size_t i = 0; i < together.size(); ++i) {
    client::CreateOptions options = together[i]->options;
    options.expected_bytes = contents[i].size();
    files.push_back({together[i]->target, options, contents[i]});
  }
  // Ctrl-C, which is told at the end.
  if (options_.limit != nullptr && !options_.limit->Take(bytes_together).ok()) return;
  const auto results = shell_->fs()->WriteSmall(files);
  for (size_t i = 0; i < results.size(); ++i) {
    const CopyJob& job = *together[i];
    // As a whole it has to be written again.
    if (absl::IsAborted(results[i].status())) {
      CopyAlone(job, progress);
      continue;
    }
    if (!results[i].ok()) {
      Tell(job, results[i].status());
      continue;
    }
    progress->Add(contents[i].size());
    Copied copied{.bytes = contents[i].size()};
    if (options_.print_crc) copied.crc = Crc32c(contents[i]);
    Tell(job, copied);
  }
}

void Copies::Tell(const CopyJob& job, const absl::StatusOr<Copied>& copied) const {
  if (!copied.ok()) {
    // Ctrl-C is told once, at the end.
    if (!Interrupted()) shell_->Report(copied.status(), job.target);
    return;
  }
  if (!shell_->json()) return;
  JsonLine line;
  line.Add("source", job.source).Add("path", job.target).Add("bytes", copied->bytes);
  if (copied->crc.has_value()) line.Add("crc32c", fmt::format("{:08x}", *copied->crc));
  shell_->Print(line);
}

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
