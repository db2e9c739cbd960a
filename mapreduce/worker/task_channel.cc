#include "mapreduce/worker/task_channel.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace quern::mr {
namespace {

constexpr size_t kLengthBytes = 4;
// User code can write here too.
constexpr size_t kMaxMessageBytes = size_t{16} << 20;
// Read before anything else is looked at.
constexpr size_t kMaxReadBytes = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::pair<TaskChannel, UniqueFd>> TaskChannel::Create() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoStatus(errno, "socketpair");
  }
  UniqueFd own(ends[0]), child(ends[1]);
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return ErrnoStatus(errno, "eventfd");
  return std::pair(TaskChannel(std::move(own), std::move(wake)), std::move(child));
}

void TaskChannel::Queue(const pb::ToTask& message) {
  const std::string bytes = message.SerializeAsString();
  for (size_t i = 0; i < kLengthBytes; ++i) {
    out_.push_back(static_cast<char>(bytes.size() >> (8 * i)));
  }
  out_ += bytes;
  Flush();
}

void TaskChannel::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof(one));
}

void TaskChannel::Flush() {
  while (!out_.empty()) {
    const ssize_t n = send(socket_.get(), out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // full, or the task is gone: the next read tells which
    out_.erase(0, static_cast<size_t>(n));
  }
}

bool TaskChannel::Fill() {
  char buffer[64 << 10];
  for (size_t total = 0; total < kMaxReadBytes;) {
    const ssize_t n = recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (n > 0) {
      in_.append(buffer, static_cast<size_t>(n));
      total += static_cast<size_t>(n);
      if (static_cast<size_t>(n) == sizeof(buffer)) continue;
      return true;
    }
    if (n < 0 && errno == EINTR) continue;
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }
  return true;
}

absl::StatusOr<bool> TaskChannel::TakeMessage(pb::FromTask* message) {
  if (in_.size() < kLengthBytes) return false;
  size_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<size_t>(static_cast<uint8_t>(in_[i])) << (8 * i);
  }
  if (length > kMaxMessageBytes) {
    return InvalidArgumentError(
        "the task sent what is no message, or one of {} bytes: the limit is {}", length,
        kMaxMessageBytes);
  }
  if (in_.size() < kLengthBytes + length) return false;
  const bool parsed = message->ParseFromArray(in_.data() + kLengthBytes, static_cast<int>(length));
  if (!parsed || message->kind_case() == pb::FromTask::KIND_NOT_SET) {
    return InvalidArgumentError("the task sent what is no message");
  }
  in_.erase(0, kLengthBytes + length);
  return true;
}

absl::StatusOr<TaskChannel::Event> TaskChannel::Receive(absl::Duration timeout,
                                                        pb::FromTask* message) {
  ASSIGN_OR_RETURN(bool complete, TakeMessage(message));
  if (complete) return Event::kMessage;
  if (closed_) return Event::kClosed;
  pollfd fds[2] = {
      {socket_.get(), static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)), 0},
      {wake_.get(), POLLIN, 0},
  };
  const int64_t ms = std::clamp<int64_t>(absl::ToInt64Milliseconds(timeout), 0, INT_MAX);
  const int ready = poll(fds, 2, static_cast<int>(ms));
  if (ready <= 0) return Event::kTimeout;
  if ((fds[0].revents & POLLOUT) != 0) Flush();
  if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
    closed_ = !Fill();
    ASSIGN_OR_RETURN(complete, TakeMessage(message));
    if (complete) return Event::kMessage;
    if (closed_) return Event::kClosed;
  }
  if (fds[1].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = read(wake_.get(), &count, sizeof(count));
    return Event::kWoken;
  }
  return Event::kTimeout;
}

}  // namespace quern::mr
