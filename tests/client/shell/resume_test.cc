// dfs get --resume: what is kept, what is asked for, and what is refused.
#include "client/shell/resume.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "client/shell/copy.h"
#include "client/shell/registry.h"
#include "common/crc32c.h"
#include "common/fd.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::shell {
namespace {

using ::quern::testing::FakeDfs;
using ::testing::HasSubstr;

constexpr uint64_t kResumedChunk = uint64_t{64} << 10;

void WriteLocal(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
std::string ReadLocal(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Of chunks of these lengths.
std::vector<client::ChunkInfo> ChunksOfBytes(std::string_view bytes, std::vector<uint64_t> sizes) {
  std::vector<client::ChunkInfo> chunks;
  uint64_t offset = 0;
  for (const uint64_t size : sizes) {
    client::ChunkInfo& chunk = chunks.emplace_back();
    chunk.offset = offset;
    chunk.length = size;
    chunk.crc = Crc32c(bytes.substr(offset, size));
    chunk.sealed = true;
    offset += size;
  }
  return chunks;
}

TEST(Resume, LeadingChunksCountThatAreHereAsTheyAre) {
  const TempDir dir;
  const std::string bytes = "aaaabbbbcc";
  const auto verified = [&](std::string_view here, uint64_t length,
                            const std::vector<client::ChunkInfo>& chunks) {
    WriteLocal(dir / "f", here);
    const UniqueFd fd(open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC));
    return VerifiedBytes(fd.get(), "f", length, chunks).value_or(9999);
  };
  auto chunks = ChunksOfBytes(bytes, {4, 4, 0, 2});
  EXPECT_EQ(verified("", 10, chunks), 0u);
  EXPECT_EQ(verified("aaa", 10, chunks), 0u);
  EXPECT_EQ(verified("aaaabbb", 10, chunks), 4u);
  EXPECT_EQ(verified("aaaabbbbcc", 10, chunks), 10u);
  EXPECT_EQ(verified("aaaabbbbccdd", 10, chunks), 10u) << "what is too much is cut off later";
  EXPECT_EQ(verified("aaaaXbbbcc", 10, chunks), 4u) << "whatever comes behind it";
  EXPECT_EQ(verified("Xaaabbbbcc", 10, chunks), 0u);
  EXPECT_EQ(verified("aaaabbbbcc", 8, chunks), 8u) << "it has grown since it was opened";
  chunks[1].sealed = false;
  EXPECT_EQ(verified("aaaabbbbcc", 10, chunks), 4u);
}

class ResumeGetTest : public ::testing::Test {
 protected:
  ResumeGetTest() {
    for (uint64_t i = 0; i < kLengthOfAll; ++i) bytes_ += static_cast<char>('a' + i / 1000 % 26);
    PutFile("/f", bytes_);
  }
  void PutFile(const std::string& path, std::string_view bytes) {
    const auto fs = client::FileSystem::Create({.masters = {fake_.master_address()}});
    const auto writer = fs->Create(path, {.overwrite = true});
    ASSERT_OK(writer.status());
    ASSERT_OK((*writer)->Append(bytes));
    ASSERT_OK((*writer)->Close());
  }
  // The exit code.
  int Get(std::vector<std::string> words) {
    const auto command = LookUpCommand(DfsProgram(), "get")->make();
    CommandLine line;
    command->Define(&line);
    words.insert(words.begin(), {"--master", fake_.master_address(), "--quiet"});
    EXPECT_OK(line.Parse(words));
    const auto exit_code = command->Run();
    EXPECT_OK(exit_code.status());
    return exit_code.value_or(-1);
  }
  // That were asked of the server so far.
  uint64_t ReadBytes() {
    uint64_t sum = 0;
    for (const FakeDfs::Read& read : fake_.reads()) sum += read.length;
    return sum;
  }

  static constexpr uint64_t kLengthOfAll = 3 * kResumedChunk + 1000;
  FakeDfs fake_{{.servers = 1, .chunk_size = kResumedChunk}};
  TempDir dir_;
  std::string bytes_;
};

TEST_F(ResumeGetTest, WhatIsHereAndRightDoesNotComeAgain) {
  // Two chunks, the third half, as an earlier call has left them.
  WriteLocal(dir_ / ".f.dfs-part", bytes_.substr(0, 2 * kResumedChunk + 5000));
  EXPECT_EQ(Get({"--resume", "/f", dir_ / "f"}), 0);
  EXPECT_TRUE(ReadLocal(dir_ / "f") == bytes_);
  EXPECT_FALSE(std::filesystem::exists(dir_ / ".f.dfs-part"));
  EXPECT_EQ(ReadBytes(), kLengthOfAll - 2 * kResumedChunk);
}

TEST_F(ResumeGetTest, WhatIsHereOfAnotherFileIsNotKept) {
  WriteLocal(dir_ / ".f.dfs-part", std::string(2 * kLengthOfAll, 'z'));
  EXPECT_EQ(Get({"--resume", "/f", dir_ / "f"}), 0);
  EXPECT_TRUE(ReadLocal(dir_ / "f") == bytes_);
  EXPECT_EQ(ReadBytes(), kLengthOfAll);
}

TEST_F(ResumeGetTest, AFileThatIsThereWholeIsLeft) {
  EXPECT_EQ(Get({"--resume", "/f", dir_ / "f"}), 0);
  const uint64_t before = ReadBytes();
  EXPECT_EQ(Get({"--resume", "/f", dir_ / "f"}), 0);
  EXPECT_EQ(ReadBytes(), before);
  WriteLocal(dir_ / "f", "another one");
  EXPECT_EQ(Get({"--resume", "/f", dir_ / "f"}), 1) << "not without -f";
  EXPECT_EQ(ReadLocal(dir_ / "f"), "another one");
  EXPECT_EQ(Get({"--resume", "-f", "/f", dir_ / "f"}), 0);
  EXPECT_TRUE(ReadLocal(dir_ / "f") == bytes_);
}

TEST_F(ResumeGetTest, WhatBreaksOffIsKeptOnlyWithResume) {
  fake_.ScriptLookUps([] { return false; });
  WriteLocal(dir_ / ".f.dfs-part", bytes_.substr(0, kResumedChunk));
  EXPECT_EQ(Get({"/f", dir_ / "f"}), 1);
  EXPECT_EQ(Get({"--resume", "/f", dir_ / "f"}), 1);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "f"));
  EXPECT_TRUE(ReadLocal(dir_ / ".f.dfs-part") == bytes_.substr(0, kResumedChunk));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 1);
}

TEST_F(ResumeGetTest, AFileThatIsCalledAsTheBeginningOfAnotherOneIsNotTakenForIt) {
  PutFile("/.f.dfs-part", "not lost");
  EXPECT_EQ(Get({"--resume", "-f", "-j", "1", "/.f.dfs-part", "/f", dir_.path()}), 1);
  EXPECT_EQ(ReadLocal(dir_ / ".f.dfs-part"), "not lost");
  EXPECT_EQ(Get({"-f", "/.f.dfs-part", "/f", dir_.path()}), 0) << "nothing is kept beside them";
  EXPECT_EQ(ReadLocal(dir_ / ".f.dfs-part"), "not lost");
  EXPECT_TRUE(ReadLocal(dir_ / "f") == bytes_);
}

// Between the close of what is complete and its name nobody else may begin to write there.
TEST(ResumedTarget, IsLockedUntilItHasItsName) {
  const TempDir dir;
  const LocalTargetOptions options{.resume = true};
  {
    ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "f", options));
    ASSERT_EQ(write(target.fd(), "all", 3), 3);
    WriteLocal(dir / "f", "another one");
    EXPECT_THAT(target.Commit(), StatusIs(absl::StatusCode::kAlreadyExists));
    std::filesystem::remove(dir / "f");
    EXPECT_THAT(LocalTarget::Create(dir / "f", options).status(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another process")));
  }
  EXPECT_EQ(ReadLocal(dir / ".f.dfs-part"), "all");
  ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "f", options));
  EXPECT_OK(target.Commit());
  EXPECT_EQ(ReadLocal(dir / "f"), "all");
}

TEST(ResumedTarget, IsNobodyElsesFileAndOnePerName) {
  const TempDir dir;
  const LocalTargetOptions options{.resume = true};
  {
    ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "f", options));
    EXPECT_TRUE(target.can_resume());
    EXPECT_THAT(LocalTarget::Create(dir / "f", options).status(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another process")));
    EXPECT_OK(LocalTarget::Create(dir / "g", options).status());
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path())) << "empty ones are not kept";
  WriteLocal(dir / "precious", "bytes");
  std::filesystem::create_symlink("precious", dir / ".f.dfs-part");
  EXPECT_THAT(LocalTarget::Create(dir / "f", options).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("remove it")));
  std::filesystem::remove(dir / ".f.dfs-part");
  std::filesystem::create_hard_link(dir / "precious", dir / ".f.dfs-part");
  EXPECT_THAT(LocalTarget::Create(dir / "f", options).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("remove it")));
  EXPECT_EQ(ReadLocal(dir / "precious"), "bytes");
  EXPECT_OK(LocalTarget::Create(dir / std::string(255, 'n'), options).status());
}

}  // namespace
}  // namespace quern::shell
