#include "deploy/local/shell_exports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::local {
namespace {

TEST(ShellExports, NamesBothServersAndThePath) {
  const std::string text = ShellExports("127.0.0.1:1", "127.0.0.1:2", "  ");
  EXPECT_THAT(text, ::testing::HasSubstr("  export QUERN_MASTER=127.0.0.1:1\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("  export QUERN_COORDINATOR=127.0.0.1:2\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("export PATH=" + BinaryDir() + ":\"$PATH\"\n"));
}

}  // namespace
}  // namespace quern::local
