#include "common/rpc/channel.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "common/fd.h"
#include "common/rpc/deadline.h"

namespace quern::rpc {
namespace {

// A port where connections are taken by hand.
class SlowServer {
 public:
  SlowServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&where), size), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&where), &size), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(where.sin_port));
  }
  const std::string& address() const { return address_; }
  UniqueFd Accept() { return UniqueFd(accept(listener_.get(), nullptr, nullptr)); }

 private:
  const UniqueFd listener_;
  std::string address_;
};

// An empty SETTINGS frame (RFC 9113, 6.5): what a client waits for before it counts as connected.
constexpr char kSettings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
// Several times the pause between two attempts to connect.
constexpr int kSlowMs = 500;

TEST(ChannelTest, AServerThatAnswersSlowlyIsNotGivenUp) {
  for (const ChannelKind kind : {ChannelKind::kControl, ChannelKind::kBulk}) {
    SlowServer server;
    const auto channel = MakeChannel(server.address(), kind);
    channel->GetState(/*try_to_connect=*/true);
    const UniqueFd connection = server.Accept();
    ASSERT_TRUE(connection);
    pollfd hung_up = {.fd = connection.get(), .events = POLLRDHUP, .revents = 0};
    EXPECT_EQ(poll(&hung_up, 1, kSlowMs), 0) << "the client has hung up";
    ASSERT_EQ(write(connection.get(), kSettings, sizeof kSettings), 9);
    EXPECT_TRUE(channel->WaitForConnected(DeadlineAfter(absl::Seconds(30))));
  }
}

TEST(ChannelTest, ATryToConnectIsAwaitedForAsLongAsSaid) {
  const SlowServer silent;
  const auto channel = MakeChannel(silent.address(), ChannelKind::kControl);
  EXPECT_FALSE(AwaitConnection(channel.get(), absl::Milliseconds(10)));
  const auto refused = MakeChannel("127.0.0.1:1", ChannelKind::kControl);
  EXPECT_TRUE(AwaitConnection(refused.get(), absl::Seconds(30))) << "it has failed";
}

}  // namespace
}  // namespace quern::rpc
