#include "common/local_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "tests/support/status_matchers.h"

namespace quern {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(20);

class LocalSocketTest : public ::testing::Test {
 protected:
  void Connect() {
    ASSERT_OK_AND_ASSIGN(listener_, ListenLocally(name_));
    ASSERT_OK_AND_ASSIGN(client_, ConnectLocally(name_));
    ASSERT_OK_AND_ASSIGN(server_, AcceptLocally(listener_.get()));
  }
  static ptrdiff_t OpenFiles() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  }

  const std::string name_ = fmt::format("quern-test-{}", getpid());
  UniqueFd listener_, client_, server_;
};

TEST_F(LocalSocketTest, MessagesArriveWholeAndInOrder) {
  Connect();
  const std::string large(100'000, 'x');
  ASSERT_OK(SendLocally(client_.get(), "one"));
  ASSERT_OK(SendLocally(client_.get(), large));
  ASSERT_OK_AND_ASSIGN(const LocalMessage first, ReceiveLocally(server_.get(), kSoon));
  EXPECT_EQ(first.bytes, "one");
  EXPECT_FALSE(first.file);
  ASSERT_OK_AND_ASSIGN(const LocalMessage second, ReceiveLocally(server_.get(), kSoon));
  EXPECT_TRUE(second.bytes == large);
  EXPECT_THAT(ReceiveLocally(server_.get(), absl::Milliseconds(1)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  client_.Reset();
  EXPECT_THAT(ReceiveLocally(server_.get(), kSoon), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(LocalSocketTest, AFileGoesAlong) {
  Connect();
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);
  ASSERT_OK(SendLocally(client_.get(), "m", writer.get()));
  ASSERT_OK_AND_ASSIGN(const LocalMessage message, ReceiveLocally(server_.get(), kSoon));
  ASSERT_TRUE(message.file);
  ASSERT_EQ(write(message.file.get(), "+", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(reader.get(), &byte, 1), 1);
}

TEST_F(LocalSocketTest, OfSeveralFilesNoneIsLeftOpen) {
  Connect();
  const ptrdiff_t before = OpenFiles();
  union {
    char bytes[CMSG_SPACE(3 * sizeof(int))];
    cmsghdr align;
  } ancillary = {};
  char byte = 'm';
  iovec part{&byte, 1};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = ancillary.bytes;
  header.msg_controllen = sizeof(ancillary.bytes);
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(3 * sizeof(int));
  const int files[3] = {client_.get(), client_.get(), client_.get()};
  std::memcpy(CMSG_DATA(rights), files, sizeof(files));
  ASSERT_EQ(sendmsg(client_.get(), &header, 0), 1);
  EXPECT_OK(ReceiveLocally(server_.get(), kSoon));
  EXPECT_EQ(OpenFiles(), before);
}

TEST_F(LocalSocketTest, WhoIsNotThereIsToldAtOnce) {
  EXPECT_THAT(ConnectLocally(name_), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(ListenLocally(std::string(108, 'n')), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(listener_, ListenLocally(name_));
  EXPECT_THAT(ListenLocally(name_), StatusIs(absl::StatusCode::kAlreadyExists));
  shutdown(listener_.get(), SHUT_RDWR);
  EXPECT_THAT(AcceptLocally(listener_.get()), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace quern
