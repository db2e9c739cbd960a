#include "common/rpc/listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/log.h"
#include "common/rpc/settings.h"

namespace quern::rpc {
namespace {

// Until the next try, when a connection cannot even be refused.
constexpr int kPauseMs = 100;

UniqueFd OpenReserve() { return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

void SetOption(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof(value));
}

int PortOf(int socket) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(const HostPort& at) {
  addrinfo hints = {};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found);
  if (failed != 0) {
    return UnavailableError("{}: {}", at.ToString(), gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, &freeaddrinfo);
  std::unique_ptr<Listener> listener(new Listener);
  listener->port_ = at.port;
  absl::Status last;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const auto port = listener->Bind(*address, listener->port_);
    if (port.ok()) listener->port_ = *port;
    // A name may stand for an address of a kind that this machine does not have.
    if (!port.ok()) last = port.status();
  }
  if (listener->sockets_.empty()) return last;
  listener->stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (!listener->stop_) return ErrnoStatus(errno, "eventfd");
  listener->reserve_ = OpenReserve();
  return listener;
}

absl::StatusOr<int> Listener::Bind(const addrinfo& address, int port) {
  sockaddr_storage at = {};
  std::memcpy(&at, address.ai_addr, address.ai_addrlen);
  if (address.ai_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&at)->sin6_port = htons(static_cast<uint16_t>(port));
  } else {
    reinterpret_cast<sockaddr_in*>(&at)->sin_port = htons(static_cast<uint16_t>(port));
  }
  UniqueFd fd(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return UnavailableError("socket: {}", std::strerror(errno));
  SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  // Connections inherit these two.
  SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, kKeepaliveTimeoutMs);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), address.ai_addrlen) != 0 ||
      listen(fd.get(), SOMAXCONN) != 0) {
    return UnavailableError("{}", std::strerror(errno));
  }
  const int bound = PortOf(fd.get());
  sockets_.push_back(std::move(fd));
  return bound;
}

Listener::~Listener() {
  if (thread_.running()) {
    eventfd_write(stop_.get(), 1);
    thread_.Join();
  }
  // A process that is started just now holds every descriptor until its exec: closing alone would
  // leave the port taken for that long, and a restart in this moment would fail.
  for (const UniqueFd& socket : sockets_) shutdown(socket.get(), SHUT_RDWR);
}

void Listener::Start(std::unique_ptr<Acceptor> acceptor) {
  acceptor_ = std::move(acceptor);
  thread_ = Thread("listener", [this] { Run(); });
}

void Listener::Run() {
  while (AwaitConnections()) {
    for (const UniqueFd& socket : sockets_) {
      while (AcceptOne(socket.get())) {
      }
    }
  }
}

bool Listener::AwaitConnections() {
  std::vector<pollfd> events = {{stop_.get(), POLLIN, 0}};
  for (const UniqueFd& socket : sockets_) events.push_back({socket.get(), POLLIN, 0});
  while (poll(events.data(), events.size(), -1) < 0 && errno == EINTR) {
  }
  return events[0].revents == 0;
}

bool Listener::AcceptOne(int socket) {
  const int fd = accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    Acceptor::NewConnectionParameters connection;
    connection.listener_fd = socket;
    connection.fd = fd;
    acceptor_->HandleNewConnection(&connection);
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      RefuseOne(socket);
      return false;
    default:  // of the connection, which is gone already
      return true;
  }
}

void Listener::RefuseOne(int socket) {
  LogWarning("connection_refused", {{"reason", std::strerror(errno)}});
  reserve_.Reset();
  UniqueFd refused(accept4(socket, nullptr, nullptr, SOCK_CLOEXEC));
  if (!refused) {
    // Another thread was quicker with that descriptor. The connection waits in the kernel.
    pollfd stop{stop_.get(), POLLIN, 0};
    poll(&stop, 1, kPauseMs);
    reserve_ = OpenReserve();
    return;
  }
  // The connection is closed in that something else gets its number, which is the reserve from here
  // on: at no moment can another thread take it.
  if (dup3(stop_.get(), refused.get(), O_CLOEXEC) < 0) refused = OpenReserve();
  reserve_ = std::move(refused);
}

}  // namespace quern::rpc
