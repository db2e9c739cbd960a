#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {

absl::StatusOr<pb::GetJobResponse> GetJob(Coordinator* coordinator,
                                          const pb::GetJobRequest& request) {
  pb::GetJobResponse response;
  ASSIGN_OR_RETURN(*response.mutable_status(), coordinator->GetJob(request.job_id()));
  return response;
}

}  // namespace quern::mr
