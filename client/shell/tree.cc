#include "client/shell/tree.h"

#include <algorithm>
#include <vector>

namespace quern::shell {

using client::FileStatus;

absl::Status WalkTree(client::FileSystem* fs, const FileStatus& root,
                      const std::function<absl::Status(const FileStatus&)>& visit) {
  std::vector<FileStatus> stack = {root};
  while (!stack.empty()) {
    const FileStatus entry = std::move(stack.back());
    stack.pop_back();
    RETURN_IF_ERROR(visit(entry));
    if (!entry.is_directory()) continue;
    ASSIGN_OR_RETURN(std::vector<FileStatus> children, fs->List(entry.path));
    std::move(children.rbegin(), children.rend(), std::back_inserter(stack));
  }
  return absl::OkStatus();
}

absl::StatusOr<ContentSummary> Summarize(client::FileSystem* fs, const FileStatus& root) {
  ContentSummary summary;
  RETURN_IF_ERROR(WalkTree(fs, root, [&](const FileStatus& entry) {
    ++(entry.is_directory() ? summary.directories : summary.files);
    summary.bytes += entry.length;
    summary.bytes_with_replicas += entry.length * entry.replication;
    return absl::OkStatus();
  }));
  return summary;
}

}  // namespace quern::shell
