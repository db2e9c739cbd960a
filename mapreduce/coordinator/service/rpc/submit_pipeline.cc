#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {

absl::StatusOr<pb::SubmitPipelineResponse> SubmitPipeline(
    Coordinator* coordinator, const pb::SubmitPipelineRequest& request) {
  if (!request.dry_run() && request.header().client_id() == 0) {
    return InvalidArgumentError("submit: header.client_id is missing");
  }
  return coordinator->pipelines().Submit(request);
}

}  // namespace quern::mr
