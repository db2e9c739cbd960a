#include "common/server_main.h"
#include "mapreduce/worker/worker_server.h"

int main(int argc, char** argv) {
  quern::mr::WorkerFlags own;
  quern::ServerRole role;
  role.name = "worker";
  role.description = "Runs task attempts as child processes and serves their output to reducers.";
  role.examples =
      "quern-worker --master m1:9400 --coordinator m1:9420 --dir /disk1,/disk2\n"
      "quern-worker --listen 127.0.0.1:0 --dir /tmp/w --slots 2";
  role.default_port = 9430;
  role.default_dirs = {"quern-worker"};
  role.flags = {
      quern::MakeNumberFlag("slots", &own.slots, {0, 1000},
                            "attempts at once (0: the number of cores)"),
      quern::MakeFlag("coordinator", &own.coordinators, "HOST:PORT of the coordinator"),
      quern::MakeFlag("task_binary", &own.task_binary, "quern-task (default: beside this binary)"),
  };
  role.start = [&own](const quern::ServerFlags& flags) {
    return quern::mr::StartWorkerServer(flags, own);
  };
  return quern::RunServer(argc, argv, std::move(role));
}
