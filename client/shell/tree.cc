#include "client/shell/tree.h"

#include <algorithm>
#include <vector>

#include "client/path.h"
#include "client/shell/target.h"

namespace quern::shell {

using client::FileStatus;

namespace {

// An error of one entry that says nothing about the others: it has gone, or is not ours to see.
bool IsOfOneEntry(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status);
}

}  // namespace

absl::Status WalkTree(Shell* shell, const FileStatus& root, const Visit& visit) {
  return WalkTree(shell, root, visit, [shell](const absl::Status& status, const FileStatus& entry) {
    shell->Report(status, entry.path);
  });
}

absl::Status WalkTree(Shell* shell, const FileStatus& root, const Visit& visit,
                      const std::function<void(const absl::Status&, const FileStatus&)>& lost) {
  std::vector<FileStatus> stack = {root};
  while (!stack.empty()) {
    const FileStatus entry = std::move(stack.back());
    stack.pop_back();
    absl::Status status = visit(entry);
    if (status.ok() && entry.is_directory()) {
      auto children = shell->fs()->List(entry.path);
      status = children.status();
      if (status.ok()) {
        std::move(children->rbegin(), children->rend(), std::back_inserter(stack));
      }
    }
    if (status.ok()) continue;
    if (!IsOfOneEntry(status)) return status;
    lost(status, entry);
  }
  return absl::OkStatus();
}

absl::Status ChangeTree(Shell* shell, const FileStatus& root, const Visit& change) {
  RETURN_IF_ERROR(CheckIsNotReserved(root.path));
  return WalkTree(shell, root, [&](const FileStatus& entry) {
    return client::IsReserved(entry.path) ? absl::OkStatus() : change(entry);
  });
}

absl::StatusOr<ContentSummary> Summarize(Shell* shell, const FileStatus& root) {
  ContentSummary summary;
  RETURN_IF_ERROR(WalkTree(shell, root, [&](const FileStatus& entry) {
    ++(entry.is_directory() ? summary.directories : summary.files);
    summary.bytes += entry.length;
    summary.bytes_with_replicas += entry.length * entry.replication;
    return absl::OkStatus();
  }));
  return summary;
}

}  // namespace quern::shell
