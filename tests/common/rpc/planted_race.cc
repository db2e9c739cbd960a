// A data race on purpose, inside handlers that gRPC calls. The tsan preset must report it: if it
// does not, its options hide what they should show. Not part of other presets.
#include <cstdio>

#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/unary.h"
#include "common/thread.h"
#include "quern/mr/v1/jobs.grpc.pb.h"

namespace {

using quern::mr::v1::Jobs;

int unguarded = 0;

class RacyJobs final : public Jobs::Service {
  grpc::Status GetJob(grpc::ServerContext*, const quern::mr::v1::GetJobRequest*,
                      quern::mr::v1::GetJobResponse*) override {
    for (int i = 0; i < 1000; ++i) ++unguarded;
    return grpc::Status::OK;
  }
};

}  // namespace

int main() {
  RacyJobs jobs;
  const auto server = quern::rpc::Server::Start({.watchdog = false}, {&jobs}, {});
  if (!server.ok()) return 1;
  const auto channel =
      quern::rpc::MakeChannel((*server)->address(), quern::rpc::ChannelKind::kControl);
  const auto stub = Jobs::NewStub(channel);
  const auto call = [&] {
    for (int i = 0; i < 200; ++i) {
      quern::mr::v1::GetJobResponse response;
      const absl::Status status = quern::rpc::Call(
          absl::Seconds(10), [&](auto* context) { return stub->GetJob(context, {}, &response); });
      if (!status.ok()) std::printf("%s\n", status.ToString().c_str());
    }
  };
  {
    quern::Thread one("one", call);
    quern::Thread two("two", call);
  }
  std::printf("%d\n", unguarded);
  return 0;
}
