// Changes of an index: each ends with a new index.json in one step, so that readers see what was
// before or what comes after, also when it is cut off. One change at a time: a second one that is
// under way is noticed when it ends first, as Aborted, and has to be done again. The one that is
// refused leaves nothing behind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/status.h"
#include "jobs/search/changing/index_writer.h"
#include "jobs/search/segment/index_manifest.h"
#include "jobs/search/serving/index_files.h"

namespace quern::search {

// Adds the segments of what lies in the index at /index/DIR: a job's output, or an index that it
// has become, with what is deleted there. From then on only /index may be changed, no longer
// /index/DIR. AlreadyExists when they are in it; FailedPrecondition when they are of another kind,
// or those of another index. Without a document in it nothing changes.
// `does_not_fit`: set when that will be so as long as both are what they are.
absl::StatusOr<IndexManifest> AddToIndex(std::string_view dir, IndexFiles* files,
                                         IndexWriter* writer, bool* does_not_fit = nullptr);

inline constexpr size_t kNamedUnknown = 10;
struct DeleteResult {
  uint64_t deleted = 0;
  uint64_t unknown = 0;                   // ids that no document has, or none that is not deleted
  std::vector<std::string> some_unknown;  // the first kNamedUnknown of them in byte order
};
// Deletes the documents with these ids.
absl::StatusOr<DeleteResult> DeleteFromIndex(const std::unordered_set<std::string>& ids,
                                             IndexFiles* files, IndexWriter* writer);

// Makes one segment of all, without what is deleted, and removes the files that it replaces. So it
// does with the index.json of what was added, where only what the job's manifest says is left.
absl::StatusOr<IndexManifest> MergeIndex(IndexFiles* files, IndexWriter* writer);

}  // namespace quern::search
