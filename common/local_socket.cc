#include "common/local_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace quern {
namespace {

constexpr int kBacklog = 128;

struct Address {
  sockaddr_un bytes = {};
  socklen_t size = 0;
};

absl::StatusOr<Address> AddressOf(std::string_view name) {
  Address address;
  // The first byte stays 0: that is what makes it abstract.
  if (name.empty() || name.size() >= sizeof(address.bytes.sun_path)) {
    return InvalidArgumentError("{}: a local name has 1 to {} bytes", name,
                                sizeof(address.bytes.sun_path) - 1);
  }
  address.bytes.sun_family = AF_UNIX;
  std::memcpy(address.bytes.sun_path + 1, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

const sockaddr* Raw(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.bytes);
}

absl::StatusOr<UniqueFd> NewSocket(int flags) {
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!fd) return ErrnoStatus(errno, "local socket");
  return fd;
}

// Where an open file travels.
union Ancillary {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr align;
};

UniqueFd FileOf(msghdr* header) {
  const cmsghdr* const part = CMSG_FIRSTHDR(header);
  if (part == nullptr || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
    return UniqueFd();
  }
  int file = -1;
  std::memcpy(&file, CMSG_DATA(part), sizeof(file));
  return UniqueFd(file);
}

}  // namespace

std::string LocalReadsName(std::string_view address) {
  return fmt::format("quern-chunkserver/{}", address);
}

absl::StatusOr<UniqueFd> ListenLocally(std::string_view name) {
  ASSIGN_OR_RETURN(const Address address, AddressOf(name));
  ASSIGN_OR_RETURN(UniqueFd fd, NewSocket(0));
  if (bind(fd.get(), Raw(address), address.size) != 0) {
    if (errno == EADDRINUSE) return AlreadyExistsError("{}: somebody listens there", name);
    return ErrnoStatus(errno, name);
  }
  if (listen(fd.get(), kBacklog) != 0) return ErrnoStatus(errno, name);
  return fd;
}

absl::StatusOr<UniqueFd> AcceptLocally(int listener) {
  while (true) {
    UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) return fd;
    if (errno == EINVAL) return CancelledError("the listener was shut down");
    if (errno != EINTR && errno != ECONNABORTED) return ErrnoStatus(errno, "local accept");
  }
}

absl::StatusOr<UniqueFd> ConnectLocally(std::string_view name) {
  ASSIGN_OR_RETURN(const Address address, AddressOf(name));
  ASSIGN_OR_RETURN(UniqueFd fd, NewSocket(SOCK_NONBLOCK));
  if (connect(fd.get(), Raw(address), address.size) != 0) {
    return UnavailableError("{}: {}", name, std::strerror(errno));
  }
  return fd;
}

absl::Status SendLocally(int socket, std::string_view message, int file) {
  iovec part{const_cast<char*>(message.data()), message.size()};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  Ancillary ancillary = {};
  if (file >= 0) {
    header.msg_control = ancillary.bytes;
    header.msg_controllen = sizeof(ancillary.bytes);
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(file));
    std::memcpy(CMSG_DATA(rights), &file, sizeof(file));
  }
  if (sendmsg(socket, &header, MSG_NOSIGNAL) < 0) return ErrnoStatus(errno, "local send");
  return absl::OkStatus();
}

absl::StatusOr<LocalMessage> ReceiveLocally(int socket, absl::Duration patience) {
  pollfd wanted{socket, POLLIN, 0};
  const int ready = poll(&wanted, 1, static_cast<int>(absl::ToInt64Milliseconds(patience)));
  if (ready < 0) return ErrnoStatus(errno, "local receive");
  if (ready == 0) return DeadlineExceededError("no answer for {}", absl::FormatDuration(patience));
  LocalMessage message{.bytes = std::string(kMaxLocalMessage, '\0'), .file = {}};
  iovec part{message.bytes.data(), message.bytes.size()};
  Ancillary ancillary = {};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = ancillary.bytes;
  // Room for one file and not a byte more: the padding would take a second, which nobody closes.
  header.msg_controllen = CMSG_LEN(sizeof(int));
  const ssize_t got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0) return ErrnoStatus(errno, "local receive");
  message.file = FileOf(&header);
  if (got == 0) return UnavailableError("the other side is gone");
  if ((header.msg_flags & MSG_TRUNC) != 0) {
    return InvalidArgumentError("a local message of more than {} bytes", kMaxLocalMessage);
  }
  message.bytes.resize(static_cast<size_t>(got));
  return message;
}

}  // namespace quern
