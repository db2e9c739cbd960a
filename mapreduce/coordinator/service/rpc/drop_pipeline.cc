#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {

absl::StatusOr<pb::DropPipelineResponse> DropPipeline(Coordinator* coordinator,
                                                      const pb::DropPipelineRequest& request) {
  RETURN_IF_ERROR(coordinator->pipelines().Drop(request.pipeline_id()));
  return pb::DropPipelineResponse();
}

}  // namespace quern::mr
