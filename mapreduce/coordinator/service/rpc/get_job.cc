#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {

absl::StatusOr<v1::GetJobResponse> GetJob(Coordinator* coordinator,
                                          const v1::GetJobRequest& request) {
  v1::GetJobResponse response;
  ASSIGN_OR_RETURN(*response.mutable_status(), coordinator->GetJob(request.job_id()));
  return response;
}

}  // namespace quern::mr
