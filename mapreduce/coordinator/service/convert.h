// Between the logic's plain types and the messages of the protocol.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/logic/job_tasks.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

pb::TaskKind ToProto(TaskKind kind);
// Anything that is not a kind becomes kMap; such a task is then simply not found.
TaskKind FromProto(pb::TaskKind kind);
pb::AttemptState ToProto(AttemptState state);
// "node", "rack" or "any", and back.
std::string_view LocalityName(Locality locality);
Locality ParseLocality(std::string_view name);

pb::AttemptId ToProto(std::string_view job_id, const AttemptRef& attempt);

// Milliseconds since 1970; 0 for the infinite times.
int64_t ToMillis(absl::Time time);

Fault FaultOf(const pb::AttemptFailure& failure);

// "signal 11 (Segmentation fault) in /in/a.txt at 4711": message and record position in one line.
std::string DescribeFailure(const pb::AttemptFailure& failure);

// Why a job fails: a task of it failed too often, or too many workers died under it.
std::string DescribeLastFailure(const pb::AttemptId& id, uint32_t limit,
                                const pb::AttemptFailure& failure);
std::string DescribeWorkerLosses(const pb::AttemptId& id);

}  // namespace quern::mr
