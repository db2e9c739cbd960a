#include "mapreduce/coordinator/service/publication_queue.h"

#include <utility>

namespace quern::mr {

void PublicationQueue::Start(const std::string& name) {
  queue_.Start(name, kThreads, [this](Work work) { Try(std::move(work)); });
}

void PublicationQueue::Try(Work work) {
  Publication& publication = *work.publication;
  const std::optional<WishToKill> kill = publication.KillWish();
  absl::StatusOr<bool> withdrawn = false;
  if (kill && (work.is_tried || !kill->after_one_try)) {
    withdrawn = publication.Withdraw(kill->reason);
  } else if (const absl::Status tried = publication.Publish(); !tried.ok()) {
    withdrawn = tried;
  }
  work.is_tried = true;
  const absl::Status published = withdrawn.status();
  if (!published.ok() && queue_.stopping()) return;  // goes on at the next start
  if (IsRetryable(published)) {
    // The work is done; a file system that is away for a while must not undo it.
    LogWarning("publish_retry", {publication.Name(), {"status", published}});
    if (queue_.WaitToRetry(retry_)) queue_.Add(std::move(work));
    return;
  }
  publication.Settle();
  const bool is_killed = withdrawn.ok() && *withdrawn;
  publication.End({published, is_killed ? std::optional(kill->reason) : std::nullopt});
}

}  // namespace quern::mr
