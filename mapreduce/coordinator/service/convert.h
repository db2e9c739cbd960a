// Between the logic's plain types and the messages of the protocol.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/logic/job_tasks.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

v1::TaskKind ToProto(TaskKind kind);
// Anything that is not a kind becomes kMap; such a task is then simply not found.
TaskKind FromProto(v1::TaskKind kind);
v1::AttemptState ToProto(AttemptState state);
// "node", "rack" or "any", and back.
std::string_view LocalityName(Locality locality);
Locality ParseLocality(std::string_view name);

v1::AttemptId ToProto(std::string_view job_id, const AttemptRef& attempt);

// Milliseconds since 1970; 0 for the infinite times.
int64_t ToMillis(absl::Time time);

Fault FaultOf(const v1::AttemptFailure& failure);

// "signal 11 (Segmentation fault) in /in/a.txt at 4711": message and record position in one line.
std::string DescribeFailure(const v1::AttemptFailure& failure);

// Why a job fails: a task of it failed too often, or too many workers died under it.
std::string DescribeLastFailure(const v1::AttemptId& id, uint32_t limit,
                                const v1::AttemptFailure& failure);
std::string DescribeWorkerLosses(const v1::AttemptId& id);

}  // namespace quern::mr
