#include "deploy/local/ports.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <set>

#include "common/fd.h"

namespace quern::local {
namespace {

using ::testing::HasSubstr;

// Listens on a free port of loopback.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_.get(), 1), 0);
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }

 private:
  UniqueFd fd_;
  int port_ = 0;
};

TEST(Ports, APortThatIsListenedOnIsNotFree) {
  int port = 0;
  {
    const Listener listener;
    port = listener.port();
    EXPECT_FALSE(PortIsFree(port));
  }
  EXPECT_TRUE(PortIsFree(port));
}

TEST(Ports, AnyFreePortsAreAllDifferent) {
  PortLeases leases;
  ClusterConfig config{.chunkservers = 20, .workers = 20, .port_base = 0};
  const auto ports = AssignPorts(config, &leases);
  ASSERT_TRUE(ports.ok()) << ports.status();
  std::set<int> numbers;
  for (const auto& [name, pair] : *ports) numbers.insert({pair.rpc, pair.http});
  EXPECT_EQ(numbers.size(), 2 * 42u);
}

TEST(Ports, KeptPortsStay) {
  PortLeases leases;
  ClusterConfig config{.port_base = 0};
  {
    PortLeases before;
    config.ports = *AssignPorts(config, &before);
  }
  const auto again = AssignPorts(config, &leases);
  ASSERT_TRUE(again.ok()) << again.status();
  for (const auto& [name, pair] : config.ports) EXPECT_EQ(again->at(name).rpc, pair.rpc) << name;
}

TEST(Ports, ATakenPortNamesServerAndFlag) {
  const Listener listener;
  PortLeases leases;
  ClusterConfig config{.port_base = listener.port()};
  const auto ports = AssignPorts(config, &leases);
  EXPECT_EQ(ports.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(ports.status())), HasSubstr("of master is in use"));
  EXPECT_THAT(std::string(Message(ports.status())), HasSubstr("--port_base"));
}

TEST(Ports, ATakenKeptPortIsReplacedWhereAnyPortWillDo) {
  const Listener listener;
  PortLeases leases;
  ClusterConfig config{.port_base = 0};
  {
    PortLeases before;
    config.ports = *AssignPorts(config, &before);
  }
  config.ports["worker1"].rpc = listener.port();
  const auto ports = AssignPorts(config, &leases);
  ASSERT_TRUE(ports.ok()) << ports.status();
  EXPECT_NE(ports->at("worker1").rpc, listener.port());
}

TEST(Ports, ThePortOfADownServerIsNotGivenToAnotherCluster) {
  PortLeases ours;
  ClusterConfig config{.port_base = 0};
  const auto ports = *AssignPorts(config, &ours);
  PortLeases theirs;
  EXPECT_FALSE(theirs.Take(ports.at("worker1").rpc)) << "though nobody listens";
  // Whoever was there before gets it no more either.
  config.ports = ports;
  const auto others = AssignPorts(config, &theirs);
  ASSERT_TRUE(others.ok()) << others.status();
  EXPECT_NE(others->at("worker1").rpc, ports.at("worker1").rpc);
  ours = {};
  EXPECT_TRUE(theirs.Take(ports.at("worker1").rpc));
}

}  // namespace
}  // namespace quern::local
