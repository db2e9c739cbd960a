// From the files of an index to one that can be searched.
#pragma once

#include <memory>
#include <string>

#include "common/status.h"
#include "jobs/search/query/search_index.h"
#include "jobs/search/serving/index_files.h"
#include "jobs/search/serving/segment_choice.h"

namespace quern::search {

// Something else after each change of the index. NotFound, with what to try, when there is none.
// `dir`: of an index within the index, ending with a slash.
absl::StatusOr<std::string> IndexIdentity(IndexFiles* files, const std::string& dir = "");

// Reads the manifest (index.json, or that of the job that made the segments), fetches and maps the
// segments, checks all that they hold. NotFound as above; begins anew when the index is replaced
// meanwhile, a few times.
// `choice`: the segments that are served here; the statistics are those of all. Of an index that a
// job has just made, the others are looked at too, as nothing else tells theirs.
absl::StatusOr<std::shared_ptr<const SearchIndex>> OpenIndex(IndexFiles* files,
                                                             const SegmentChoice& choice = {});

// A segment and what is deleted of it: fetched, checked and mapped. A copy on this machine that
// turns out to be damaged is fetched once more. Errors name the file.
absl::StatusOr<std::unique_ptr<Segment>> OpenSegment(IndexFiles* files, const IndexSegment& listed);

}  // namespace quern::search
