// Queries and answers between a machine that serves a part of an index and the one that answers
// from all parts: proto/quern/search/v1/parts.proto.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"
#include "jobs/search/query/query_statistics.h"
#include "jobs/search/serving/answer.h"
#include "quern/search/v1/parts.pb.h"

namespace quern::search {

namespace pb = v1;

void ToMessage(const QueryStatistics& statistics, pb::QueryStatistics* message);
QueryStatistics FromMessage(const pb::QueryStatistics& message);

// The hit with the number of its segment in the whole index.
AnswerHit FromMessage(const pb::Hit& message);

// Answers a PartRequest by a PartAnswer, both as bytes; what is wrong with it is in the answer.
std::string AnswerPartRequest(const SearchIndex& index, std::string_view request,
                              const RunAll& run_all = RunOneByOne);

}  // namespace quern::search
