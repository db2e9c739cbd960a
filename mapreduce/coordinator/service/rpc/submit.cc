#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {

absl::StatusOr<v1::SubmitResponse> Submit(Coordinator* coordinator,
                                          const v1::SubmitRequest& request) {
  if (!request.dry_run() && request.header().client_id() == 0) {
    return InvalidArgumentError("submit: header.client_id is missing");
  }
  return coordinator->Submit(request);
}

}  // namespace quern::mr
