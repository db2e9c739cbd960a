#include "deploy/local/cluster_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::local {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

ClusterConfig WithStandardPorts(ClusterConfig config) {
  for (const ServerName& server : ServersOf(config)) {
    config.ports[server.ToString()] = *StandardPorts(server, 9400);
  }
  return config;
}

TEST(ClusterLayout, PortsAreTheDocumentedOnes) {
  struct Case {
    ServerName server;
    int rpc;
  };
  for (const Case& c : {Case{{Role::kMaster, 0}, 9400}, Case{{Role::kChunkserver, 1}, 9410},
                        Case{{Role::kChunkserver, 10}, 9419}, Case{{Role::kCoordinator, 0}, 9420},
                        Case{{Role::kWorker, 1}, 9430}, Case{{Role::kWorker, 10}, 9439}}) {
    const auto ports = StandardPorts(c.server, 9400);
    ASSERT_TRUE(ports.has_value()) << c.server.ToString();
    EXPECT_EQ(ports->rpc, c.rpc) << c.server.ToString();
    EXPECT_EQ(ports->http, c.rpc + 100) << c.server.ToString();
  }
}

TEST(ClusterLayout, PastTenOfAKindThereIsNoDocumentedPort) {
  EXPECT_FALSE(StandardPorts({Role::kChunkserver, 11}, 9400).has_value());
  EXPECT_FALSE(StandardPorts({Role::kMaster, 0}, 0).has_value());
  EXPECT_FALSE(StandardPorts({Role::kMaster, 0}, 65500).has_value());
}

TEST(ClusterLayout, ChunkserverAndWorkerOfOneNumberAreOneNode) {
  const auto specs = MakeLayout(WithStandardPorts({.chunkservers = 2, .workers = 2}), "/d", "/b");
  std::vector<std::string> names, nodes;
  for (const ServerSpec& spec : specs) {
    names.push_back(spec.name);
    nodes.push_back(spec.node);
  }
  EXPECT_THAT(names, ElementsAre("master", "coordinator", "chunkserver1", "chunkserver2", "worker1",
                                 "worker2"));
  EXPECT_THAT(nodes, ElementsAre("", "", "node-1", "node-2", "node-1", "node-2"));
}

TEST(ClusterLayout, CommandLinesAreComplete) {
  const auto specs = MakeLayout(WithStandardPorts({.replication = 2}), "/d", "/b");
  EXPECT_THAT(specs.front().argv,
              ElementsAre("/b/quern-master", "--listen", "127.0.0.1:9400", "--http",
                          "127.0.0.1:9500", "--dir", "/d/master", "--replication", "2"));
  EXPECT_THAT(specs.back().argv, IsSupersetOf({"--node", "node-2", "--master", "127.0.0.1:9400",
                                               "--coordinator", "127.0.0.1:9420"}));
}

}  // namespace
}  // namespace quern::local
