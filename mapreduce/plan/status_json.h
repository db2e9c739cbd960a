// A job or a pipeline as JSON: what `mr` prints of one in a cluster, and quern-task of one that ran
// on this machine.
#pragma once

#include "common/cli/json_line.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

JsonLine JobJson(const pb::JobStatus& status);
// The same with "warnings", of a whole status: summaries have no counters.
JsonLine JobEndJson(const pb::JobStatus& status);
JsonLine FailureJson(const pb::AttemptFailure& failure);

// "3 records set aside (no_tab 2, no_node 1)", of what a job's classes could not read, and a
// "WARNING: ..." about what its formats could not, and where by what its spec says of counters
// nothing was read or is left; empty when there is nothing to say.
std::string SetAsideText(const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                         const pb::JobSpec::CounterMeanings& meanings);
// Its warnings alone, which whoever wants to hear of nothing else hears as well.
std::string WarningText(const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                        const pb::JobSpec::CounterMeanings& meanings);

// "WARNING: nothing was read: ..." of a job or pipeline that has succeeded over inputs of no byte;
// else empty. Not of summaries: they have no counters, as if nothing had been read.
std::string NothingReadText(const pb::JobStatus& status);

}  // namespace quern::mr
