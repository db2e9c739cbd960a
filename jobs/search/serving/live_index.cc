#include "jobs/search/serving/live_index.h"

#include <utility>

namespace quern::search {

absl::StatusOr<std::unique_ptr<LiveIndex>> LiveIndex::Open(std::unique_ptr<IndexFiles> files,
                                                           SegmentChoice choice) {
  auto live = std::unique_ptr<LiveIndex>(new LiveIndex(std::move(files), std::move(choice)));
  // Before the index: what changes in between is seen by the first Refresh.
  ASSIGN_OR_RETURN(std::string identity, IndexIdentity(live->files_.get()));
  ASSIGN_OR_RETURN(auto index, OpenIndex(live->files_.get(), live->choice_));
  MutexLock refreshing(&live->refreshing_);
  MutexLock lock(&live->mutex_);
  live->identity_ = std::move(identity);
  live->index_ = std::move(index);
  return live;
}

std::shared_ptr<const SearchIndex> LiveIndex::current() const {
  MutexLock lock(&mutex_);
  return index_;
}

absl::StatusOr<bool> LiveIndex::Refresh() {
  MutexLock refreshing(&refreshing_);
  ASSIGN_OR_RETURN(std::string identity, IndexIdentity(files_.get()));
  if (identity == identity_) return false;
  ASSIGN_OR_RETURN(auto index, OpenIndex(files_.get(), choice_));
  identity_ = std::move(identity);
  std::shared_ptr<const SearchIndex> old;  // ends outside of the lock
  MutexLock lock(&mutex_);
  old = std::exchange(index_, std::move(index));
  return true;
}

}  // namespace quern::search
