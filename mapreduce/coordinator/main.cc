#include "common/server_main.h"
#include "mapreduce/coordinator/service/coordinator_server.h"

int main(int argc, char** argv) {
  quern::ServerRole role;
  role.name = "coordinator";
  role.description =
      "Accepts jobs, runs their tasks on workers beside their data, and publishes their output.";
  role.examples =
      "quern-coordinator --master m1:9400 --dir /var/lib/quern/coordinator\n"
      "quern-coordinator --listen 127.0.0.1:0 --dir /tmp/c";
  role.default_port = 9420;
  role.default_dirs = {"quern-coordinator"};
  role.start = quern::mr::StartCoordinatorServer;
  return quern::RunServer(argc, argv, std::move(role));
}
