// Reads that take long although the server is well: nothing is held against it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "client/file_system.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/jumping_clock.h"
#include "tests/support/status_matchers.h"

namespace quern::client {
namespace {

using ::quern::testing::FakeDfs;
using ::testing::ElementsAre;
using ReadFault = FakeDfs::ReadFault;

// Who reads so slowly that servers end his streams.
class SlowReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs_ = FileSystem::Create({.masters = {fake_.master_address()}, .clock = &clock_});
  }
  void Write(const std::string& path, const std::string& bytes) {
    ASSERT_OK_AND_ASSIGN(const auto writer, fs_->Create(path));
    ASSERT_OK(writer->Append(bytes));
    ASSERT_OK(writer->Close());
  }
  absl::StatusOr<std::string> Read(const std::string& path) {
    ASSIGN_OR_RETURN(const auto reader, fs_->Open(path));
    const auto stream = reader->Stream(0, reader->status().length);
    std::string bytes;
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view more, stream->Next());
      if (more.empty()) return bytes;
      bytes += more;
    }
  }
  static std::string TextOf(size_t size) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i / 1000 % 26);
    return text;
  }

  FakeDfs fake_{{.servers = 3, .chunk_size = 64 << 10}};
  JumpingClock clock_;
  std::unique_ptr<FileSystem> fs_;
};

TEST_F(SlowReaderTest, TheSameServerIsAskedForTheRest) {
  const std::string text = TextOf(60'000);
  Write("/f", text);
  // Should another one be asked, the reader complains about it.
  for (const uint32_t id : {2, 3}) fake_.SetReadFault(id, ReadFault::kWrongByte);
  size_t reads = 0;
  for (const ReadFault fault : {ReadFault::kDropHalfWay, ReadFault::kCancelHalfWay}) {
    SCOPED_TRACE(static_cast<int>(fault));
    SetUp();  // nobody is suspected
    fake_.SetReadFault(1, fault);
    ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
    EXPECT_TRUE(back == text);
    EXPECT_TRUE(fake_.reported_bad().empty());
    Write(fmt::format("/new{}", static_cast<int>(fault)), "abc");
    EXPECT_TRUE(fake_.excluded_servers().empty()) << "writers may use it";
    EXPECT_EQ(fake_.reads().size(), reads += 2);
  }
  const FakeDfs::Read all{0, 60'000, 0};
  const FakeDfs::Read rest{40'000, 20'000, 0};
  EXPECT_THAT(fake_.reads(), ElementsAre(all, rest, all, rest));
}

TEST_F(SlowReaderTest, AChunkThatWasOpenedAheadIsNoDifferent) {
  const std::string text = TextOf(300'000);
  Write("/f", text);
  for (const uint32_t id : {2, 3}) fake_.SetReadFault(id, ReadFault::kWrongByte);
  fake_.SetReadFault(1, ReadFault::kDropHalfWay);
  ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
  EXPECT_TRUE(back == text);
  EXPECT_TRUE(fake_.reported_bad().empty());
}

// Whatever such a server says, it was not the reader.
TEST_F(SlowReaderTest, OneThatHasGivenNothingIsNotAskedAgainAndAgain) {
  const std::string text = TextOf(60'000);
  Write("/f", text);
  fake_.SetReadFault(1, ReadFault::kDropAtOnce);
  ASSERT_OK_AND_ASSIGN(const std::string back, Read("/f"));
  EXPECT_TRUE(back == text);
  EXPECT_EQ(fake_.reads().size(), 2u);
  Write("/new", "abc");
  EXPECT_THAT(fake_.excluded_servers(), ElementsAre(1u));
}

}  // namespace
}  // namespace quern::client
