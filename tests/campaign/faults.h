// What a campaign does to a cluster: each fault is done, lasts while the actors go on, and is
// undone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/cluster/cluster.h"

namespace quern::campaign {

struct Fault {
  std::string what;  // for the log: "kill -9 chunkserver2"
  std::function<void()> undo;
};

struct FaultTargets {
  std::vector<std::string> chunkservers;
  std::vector<std::string> all;  // every server that may be hit
  bool disks = false;            // each has a disk of its own (ClusterOptions::disk_per_server)
};

// Does one of the faults that the machine allows. Bit flips touch one server in the whole life of
// a cluster, so that another copy of everything is good.
Fault DoOne(testing::Cluster* cluster, const FaultTargets& targets, Random* random);

// --- The single faults, for tests of their own.
Fault KillServer(testing::Cluster* cluster, const std::string& name);
Fault PauseServer(testing::Cluster* cluster, const std::string& name);
Fault CutPower(testing::Cluster* cluster, const std::vector<std::string>& names);
Fault FillDisk(testing::Cluster* cluster, const std::string& name);
Fault TakeDescriptors(testing::Cluster* cluster, const std::string& name);
Fault HangDisk(testing::Cluster* cluster, const std::string& name);
Fault UnmountDisk(testing::Cluster* cluster, const std::string& name);
Fault FlipBits(testing::Cluster* cluster, const std::string& name, Random* random);

// An old copy of the master's directory runs for a while in place of the right one, which then
// comes back. While nobody changes anything: what would be written to the old one is lost by
// design.
class OldMaster {
 public:
  // Stops the master, keeps a copy, starts it again.
  OldMaster(testing::Cluster* cluster, std::string copy);
  void PutOldCopyBack();
  void PutRightOneBack();

 private:
  testing::Cluster* const cluster_;
  const std::string copy_;
  std::string right_;
};

}  // namespace quern::campaign
