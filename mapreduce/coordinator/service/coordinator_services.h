// The gRPC face of the coordinator: hands each call to its handler in rpc/. Unary calls are a
// service, streams bulk methods.
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
