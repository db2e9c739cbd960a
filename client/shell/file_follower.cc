#include "client/shell/file_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quern::shell {
namespace {

// Of a file that grows; twice as long after each look that found nothing.
constexpr absl::Duration kFirstWait = absl::Seconds(1);
constexpr absl::Duration kLongestWait = absl::Seconds(5);

}  // namespace

FileFollower::FileFollower(const client::FileStatus& file, uint64_t shown)
    : path_(file.path), inode_(file.inode), shown_(shown), wait_(kFirstWait) {}

FileFollower::Next FileFollower::LookAgain(std::string note) {
  Next next;
  next.note = std::move(note);
  next.wait = wait_;
  wait_ = std::min(2 * wait_, kLongestWait);
  return next;
}

FileFollower::Next FileFollower::Look(const absl::StatusOr<client::FileStatus>& found) {
  Next next;
  if (absl::IsNotFound(found.status())) {
    next.end = NotFoundError("{}: was removed; nothing more is to come", path_);
    return next;
  }
  if (!found.ok() && !IsRetryable(found.status())) {
    next.end = found.status();
    return next;
  }
  const bool answered = std::exchange(answers_, found.ok());
  if (!found.ok()) {
    return LookAgain(answered ? fmt::format("{}; it is tried again", Message(found.status())) : "");
  }
  if (found->is_directory()) {
    next.end = FailedPreconditionError("{}: has become a directory", path_);
    return next;
  }
  if (found->inode != inode_) {
    next.note = fmt::format("{}: was replaced; this is the file that has its name now", path_);
    inode_ = found->inode;
    shown_ = 0;
    tried_from_.reset();
    told_complete_ = true;  // one that was followed further needs no explanation
  }
  if (found->length > shown_) {
    // Once more from the same place: nothing of it could be read.
    if (std::exchange(tried_from_, shown_) == shown_) {
      next = LookAgain(std::move(next.note));
    } else {
      wait_ = kFirstWait;
    }
    next.inode = inode_;
    next.offset = shown_;
    next.length = found->length - shown_;
    return next;
  }
  // Only another file can bring anything.
  if (found->complete) {
    wait_ = kLongestWait;
    if (!std::exchange(told_complete_, true)) {
      next.note = fmt::format(
          "{}: is complete and grows no more; a file that takes its place will be shown", path_);
    }
  }
  return LookAgain(std::move(next.note));
}

}  // namespace quern::shell
