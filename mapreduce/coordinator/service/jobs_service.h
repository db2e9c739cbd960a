// quern.mr.v1.Jobs over gRPC: unary calls here, streams as bulk methods (see rpcs.h).
#pragma once

#include <memory>
#include <vector>

#include "common/rpc/bulk.h"
#include "common/rpc/channel.h"
#include "mapreduce/coordinator/service/coordinator.h"

namespace grpc {
class Service;
}

namespace quern::mr {

// The service borrows the coordinator.
std::unique_ptr<grpc::Service> MakeJobsService(Coordinator* coordinator);

std::vector<rpc::BulkMethod> CoordinatorStreams(Coordinator* coordinator,
                                                rpc::ChannelCache* channels);

}  // namespace quern::mr
