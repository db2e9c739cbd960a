// Removes directories of jobs and pipelines that no record is of, which nobody else finds again:
// those of jobs whose records could not be read, of a journal that was lost, and of submissions
// that a coordinator of an earlier version died in.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/coordinator/service/publisher.h"

namespace quern::mr {

inline constexpr absl::Duration kKeepOrphans = absl::Hours(24);

// A directory with those of all jobs, or of all pipelines.
struct OrphanPlace {
  std::string parent;
  // The last id that the journal knew of at the start; empty: none, and nothing is removed. What
  // has a later one is not this journal's, or is being submitted.
  std::string last_id;
  // When the journal was made. Of jobs from before, and from the same day, it may know nothing.
  absl::Time created;
  // Asked on the thread that collects.
  std::function<bool(std::string_view id)> is_known;
};

// Keeps what is known, what is younger than kKeepOrphans by the time of its directory, what another
// journal may have made, and what has no name of a job or pipeline. Looks at one page of names
// after another, until `stopping`; passes over what cannot be removed for good. An error that may
// be retried: begin again.
absl::Status CollectOrphans(const OrphanPlace& place, absl::Time now,
                            const std::function<bool()>& stopping, PublishFiles* files);

}  // namespace quern::mr
