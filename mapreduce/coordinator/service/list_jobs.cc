#include "mapreduce/coordinator/service/rpcs.h"

namespace quern::mr {

absl::StatusOr<v1::ListJobsResponse> ListJobs(Coordinator* coordinator,
                                              const v1::ListJobsRequest& request) {
  return coordinator->ListJobs(request.limit());
}

}  // namespace quern::mr
