// The index that a server answers from, exchanged for a newer one when its manifest changes.
#pragma once

#include <memory>
#include <string>

#include "common/mutex.h"
#include "common/status.h"
#include "jobs/search/serving/index_files.h"
#include "jobs/search/serving/open_index.h"

namespace quern::search {

// Thread-safe. Who holds an index keeps it, whatever comes after it.
class LiveIndex {
 public:
  // Opens it; an error when that is not possible.
  static absl::StatusOr<std::unique_ptr<LiveIndex>> Open(std::unique_ptr<IndexFiles> files,
                                                         SegmentChoice choice = {});

  std::shared_ptr<const SearchIndex> current() const;
  // Looks at the manifest, and opens the index again if it has changed. True when there is a new
  // one. After an error the present one stays.
  absl::StatusOr<bool> Refresh();

 private:
  LiveIndex(std::unique_ptr<IndexFiles> files, SegmentChoice choice)
      : files_(std::move(files)), choice_(std::move(choice)) {}

  Mutex refreshing_;  // one at a time
  const std::unique_ptr<IndexFiles> files_;
  const SegmentChoice choice_;
  std::string identity_ ABSL_GUARDED_BY(refreshing_);
  mutable Mutex mutex_;
  std::shared_ptr<const SearchIndex> index_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::search
