#include "mapreduce/task/message_pipe.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace quern::mr {

namespace {

// A task of 200,000 map outputs takes about 30 MB.
constexpr uint32_t kMaxMessageBytes = 256 << 20;

absl::Status ReadExactly(int fd, char* to, size_t size) {
  while (size > 0) {
    const ssize_t got = recv(fd, to, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return OutOfRangeError("the other side has closed the connection");
    to += got;
    size -= static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace

MessagePipe::MessagePipe(UniqueFd fd)
    : fd_(std::move(fd)), identity_(DescriptorIdentity::Of(fd_.get())) {}

bool MessagePipe::IsCutOff() const { return DescriptorIdentity::Of(fd_.get()) != identity_; }

absl::Status MessagePipe::Read(google::protobuf::MessageLite* message) {
  uint32_t size = 0;
  RETURN_IF_ERROR(ReadExactly(fd_.get(), reinterpret_cast<char*>(&size), sizeof(size)));
  if (size > kMaxMessageBytes) return DataLossError("a message of {} bytes", size);
  std::string bytes(size, '\0');
  RETURN_IF_ERROR(ReadExactly(fd_.get(), bytes.data(), size));
  if (!message->ParseFromString(bytes)) return DataLossError("{} bytes are no message", size);
  return absl::OkStatus();
}

absl::Status MessagePipe::Write(const google::protobuf::MessageLite& message) {
  const auto size = static_cast<uint32_t>(message.ByteSizeLong());
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  message.AppendToString(&bytes);
  MutexLock lock(&mutex_);
  // What has the number may be a connection of the user's.
  if (IsCutOff()) return FailedPreconditionError("the connection was closed in this process");
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t got = send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return UnavailableError("send to the other side: {}", std::strerror(errno));
    sent += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

void MessagePipe::Shutdown() { shutdown(fd_.get(), SHUT_RDWR); }

}  // namespace quern::mr
