#include "mapreduce/coordinator/service/rpcs.h"

namespace quern::mr {

absl::StatusOr<v1::GetWorkersResponse> GetWorkers(Coordinator* coordinator,
                                                  const v1::GetWorkersRequest&) {
  return coordinator->GetWorkers();
}

}  // namespace quern::mr
