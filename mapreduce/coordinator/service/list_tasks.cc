#include "mapreduce/coordinator/service/rpcs.h"

namespace quern::mr {

absl::StatusOr<v1::ListTasksResponse> ListTasks(Coordinator* coordinator,
                                                const v1::ListTasksRequest& request) {
  return coordinator->ListTasks(request);
}

}  // namespace quern::mr
