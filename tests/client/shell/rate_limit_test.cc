#include "client/shell/rate_limit.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/shell/copy.h"
#include "common/fd.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::shell {
namespace {

using ::quern::testing::FakeDfs;
using ::testing::HasSubstr;

// A wait is over at once, and remembered.
class SkippingClock : public Clock {
 public:
  absl::Time TimeNow() override { return now_; }
  absl::Time MonotonicNow() override { return now_; }
  void Sleep(absl::Duration duration) override {
    now_ += duration;
    longest_ = std::max(longest_, duration);
  }
  absl::Duration passed() const { return now_ - absl::UnixEpoch(); }
  absl::Duration longest() const { return longest_; }

 private:
  absl::Time now_ = absl::UnixEpoch();
  absl::Duration longest_;
};

TEST(TokenBucketTest, BytesTakeTheirTime) {
  const absl::Time start = absl::UnixEpoch();
  TokenBucket bucket(1000, start);
  EXPECT_EQ(bucket.Take(500, start), absl::Milliseconds(500));
  // Another thread, at the same time: behind the first one.
  EXPECT_EQ(bucket.Take(500, start), absl::Seconds(1));
  EXPECT_EQ(bucket.Take(0, start + absl::Seconds(1)), absl::ZeroDuration());
  EXPECT_EQ(bucket.Take(2000, start + absl::Seconds(1)), absl::Seconds(2));
}

TEST(TokenBucketTest, AnIdleTimeIsNotMadeUpFor) {
  const absl::Time start = absl::UnixEpoch();
  TokenBucket bucket(1000, start);
  const absl::Time later = start + absl::Hours(1);
  EXPECT_EQ(bucket.Take(250, later), absl::ZeroDuration());
  EXPECT_EQ(bucket.Take(1000, later), absl::Seconds(1));
}

TEST(TokenBucketTest, AClockThatStandsOrGoesBackGivesNothing) {
  const absl::Time start = absl::UnixEpoch();
  TokenBucket bucket(1000, start);
  EXPECT_EQ(bucket.Take(1000, start - absl::Hours(1)), absl::Seconds(1));
  EXPECT_EQ(bucket.Take(0, start), absl::Seconds(1));
}

TEST(RateLimitTest, IsParsedAsSizesAre) {
  SkippingClock clock;
  ASSERT_OK_AND_ASSIGN(const auto none, RateLimit::Parse("", &clock));
  EXPECT_EQ(none, nullptr);
  for (const char* text : {"1MiB", "1m", "1048576", "1MiB/s"}) {
    ASSERT_OK_AND_ASSIGN(const auto limit, RateLimit::Parse(text, &clock));
    const absl::Duration before = clock.passed();
    ASSERT_OK(limit->Take(1 << 20));
    EXPECT_EQ(clock.passed() - before, absl::Seconds(1)) << text;
  }
  for (const char* text : {"0", "fast", "/s", "-1"}) {
    EXPECT_THAT(RateLimit::Parse(text, &clock).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  }
}

TEST(RateLimitTest, HoldsForFilesOfOneCallTogether) {
  constexpr uint64_t kLength = 300'000;
  FakeDfs fake({.servers = 1});
  const auto fs = client::FileSystem::Create({.masters = {fake.master_address()}});
  const TempDir dir;
  Progress progress({.style = ProgressOptions::Style::kQuiet});
  SkippingClock clock;
  RateLimit limit(100'000, &clock);
  for (const std::string path : {"/a", "/b"}) {
    ASSERT_OK_AND_ASSIGN(const auto writer, fs->Create(path));
    ASSERT_OK(writer->Append(std::string(kLength, 'x')));
    ASSERT_OK(writer->Close());
    ASSERT_OK_AND_ASSIGN(const auto reader, fs->Open(path));
    const UniqueFd out(open((dir / path.substr(1)).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_OK(CopyToFd(reader->Stream(0, kLength).get(), out.get(), "out", &progress, &limit));
  }
  EXPECT_EQ(absl::ToInt64Milliseconds(clock.passed() + absl::Microseconds(1)), 6000);
  EXPECT_LE(clock.longest(), absl::Milliseconds(100)) << "Ctrl-C is noticed";
  const UniqueFd in(open((dir / "a").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_OK_AND_ASSIGN(const auto writer, fs->Create("/c"));
  ASSERT_OK(CopyFromFd(in.get(), "in", writer.get(), &progress, &limit));
  ASSERT_OK(writer->Close());
  EXPECT_EQ(absl::ToInt64Milliseconds(clock.passed() + absl::Microseconds(1)), 9000);
  EXPECT_EQ(fake.FileBytes("/c"), std::string(kLength, 'x'));
}

}  // namespace
}  // namespace quern::shell
