// quern-master: the namespace and the chunk table of one file system.
#include "common/clock.h"
#include "common/replication.h"
#include "common/server_main.h"
#include "master/service/master_server.h"

int main(int argc, char** argv) {
  quern::master::MasterOptions options;
  int replication = static_cast<int>(options.file_defaults.replication);
  int min_write_replicas = static_cast<int>(options.min_write_replicas);

  quern::ServerRole role;
  role.name = "master";
  role.description = "Keeps the names, chunks and replicas of a Quern file system.";
  role.examples =
      "quern-master --dir /var/lib/quern/master\n"
      "quern-master --dir /data/master --listen 10.0.0.1:9400 --insecure_network";
  role.default_port = 9400;
  role.default_dirs = {"/var/lib/quern/master"};
  role.flags = {
      quern::MakeNumberFlag("replication", &replication, {1, quern::kMaxReplication},
                            "copies of a file that does not say how many"),
      quern::MakeNumberFlag(
          "min_write_replicas", &min_write_replicas, {1, quern::kMaxReplication},
          "copies without which nothing is written (1 while there is one server)"),
      quern::MakeFlag("dead_after", &options.servers.dead_after,
                      "silence after which a chunkserver's chunks are copied elsewhere"),
      quern::MakeSizeFlag("metadata_cache", &options.metadata_cache_bytes,
                          "memory for names and inodes that are read often"),
  };
  role.start = [&](const quern::ServerFlags& flags)
      -> absl::StatusOr<std::unique_ptr<quern::RunningServer>> {
    options.file_defaults.replication = static_cast<uint32_t>(replication);
    options.min_write_replicas = static_cast<uint32_t>(min_write_replicas);
    return quern::master::MasterServer::Start(flags, options, quern::Clock::Real());
  };
  return quern::RunServer(argc, argv, std::move(role));
}
