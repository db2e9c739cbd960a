// Several segments as one, without what is deleted of them.
#pragma once

#include <vector>

#include "common/status.h"
#include "jobs/search/segment/segment.h"
#include "jobs/search/segment/segment_writer.h"

namespace quern::search {

// The segments have the same fields and the same analysis. Holds 4 bytes a document, what
// SegmentWriter holds, and a block of postings and of texts of each segment. DataLoss when a
// segment's texts cannot be read; FailedPrecondition when only some segments hold texts, which no
// one segment can.
absl::StatusOr<SegmentMeta> MergeSegments(const std::vector<const Segment*>& segments,
                                          const SegmentWriter::Sink& sink);

}  // namespace quern::search
