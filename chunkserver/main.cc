// quern-chunkserver: stores replicas of chunks on the disks of one machine.
#include "chunkserver/service/chunkserver.h"
#include "common/server_main.h"

int main(int argc, char** argv) {
  quern::chunkserver::ChunkserverOptions options;
  quern::ServerRole role;
  role.name = "chunkserver";
  role.description = "Stores replicas of chunks on one or more disks and forwards appends.";
  role.examples =
      "quern-chunkserver --dir /disk1/quern,/disk2/quern --master 10.0.0.1:9400\n"
      "quern-chunkserver --dir /tmp/cs1 --listen 127.0.0.1:0";
  role.default_port = 9410;
  role.default_dirs = {"quern-chunkserver-data"};
  role.flags = {
      quern::MakeSizeFlag("reserve", &options.reserve_bytes,
                          "space kept free on each disk; 0 = 1 GiB, or 1 % of a small disk"),
      quern::MakeSizeFlag("stream_memory", &options.limits.stream_memory_bytes,
                          "memory that all reads and appends share; 0 = a quarter of the "
                          "machine's, from 1 to 16 GiB"),
      quern::MakeNumberFlag("quarantine_days", &options.quarantine_days, {0, 3650},
                            "days that a replica unknown to the master is kept"),
      quern::MakeNumberFlag("scrub_days", &options.scrub_days, {0, 3650},
                            "every replica is read against its checksums once in so many days; "
                            "0 = only those that were found damaged and have no other copy"),
      quern::MakeFlag("local_reads", &options.local_reads,
                      "readers on this machine get the open files of sealed replicas"),
      quern::MakeFlag("forget_disks", &options.forget_disks,
                      "ids of disks that are lost for good; what was on them is lost then"),
      quern::MakeFlag("boot_id", &options.boot_id,
                      "stands for this boot of the machine; for tests of power cuts"),
  };
  role.start = [&](const quern::ServerFlags& flags)
      -> absl::StatusOr<std::unique_ptr<quern::RunningServer>> {
    options.flags = flags;
    return quern::chunkserver::Chunkserver::Start(options);
  };
  return quern::RunServer(argc, argv, std::move(role));
}
