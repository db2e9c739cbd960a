#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/plan/job_spec_rules.h"

namespace quern::mr {

absl::StatusOr<pb::SubmitResponse> Submit(Coordinator* coordinator,
                                          const pb::SubmitRequest& request) {
  if (!request.dry_run() && request.header().client_id() == 0) {
    return InvalidArgumentError("submit: header.client_id is missing");
  }
  RETURN_IF_ERROR(CheckUsersOutputs(request.spec()));
  return coordinator->Submit(request);
}

}  // namespace quern::mr
