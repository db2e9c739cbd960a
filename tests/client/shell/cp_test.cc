// What `dfs cp` asks the servers for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/file_system.h"
#include "client/shell/registry.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/status_matchers.h"

namespace quern::shell {
namespace {

using ::quern::testing::FakeDfs;
using ::testing::ElementsAre;

TEST(Cp, NoMoreRoomIsReservedThanTheFileNeeds) {
  constexpr uint64_t kChunk = uint64_t{64} << 10;
  constexpr uint64_t kLength = 100'000;
  FakeDfs fake({.servers = 1, .chunk_size = kChunk});
  const auto fs = client::FileSystem::Create({.masters = {fake.master_address()}});
  const std::string bytes(kLength, 'x');
  ASSERT_OK_AND_ASSIGN(const auto writer, fs->Create("/f", {.expected_bytes = kLength}));
  ASSERT_OK(writer->Append(bytes));
  ASSERT_OK(writer->Close());
  const auto command = LookUpCommand(DfsProgram(), "cp")->make();
  CommandLine line;
  command->Define(&line);
  ASSERT_OK(line.Parse({"--master", fake.master_address(), "/f", "/copy"}));
  ASSERT_OK_AND_ASSIGN(const int exit_code, command->Run());
  EXPECT_EQ(exit_code, 0);
  EXPECT_TRUE(fake.FileBytes("/copy") == bytes);
  EXPECT_THAT(fake.expected_bytes(),
              ElementsAre(kLength, kLength - kChunk, kLength, kLength - kChunk));
}

}  // namespace
}  // namespace quern::shell
