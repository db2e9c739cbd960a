#include "client/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Path, Splits) {
  EXPECT_THAT(SplitPath("/a//b c/"), ElementsAre("a", "b c"));
  EXPECT_THAT(SplitPath("/"), ElementsAre());
}

TEST(Path, IsCleanedAndHasToBeAbsolute) {
  EXPECT_EQ(*CleanPath("/a//b/"), "/a/b");
  EXPECT_EQ(*CleanPath("//"), "/");
  EXPECT_EQ(*CleanPath("/caf\xe9"), "/caf\xe9");
  for (const char* relative : {"", "w/d", "./w", "*"}) {
    EXPECT_EQ(CleanPath(relative).status().code(), absl::StatusCode::kInvalidArgument) << relative;
  }
  EXPECT_THAT(std::string(Message(CleanPath("w/d").status())), HasSubstr("Try: /w/d"));
}

TEST(Path, HasAParentAndAName) {
  EXPECT_EQ(ParentOf("/a/b"), "/a");
  EXPECT_EQ(ParentOf("/a"), "/");
  EXPECT_EQ(BaseName("/a/b/"), "b");
  EXPECT_EQ(BaseName("/"), "/");
  EXPECT_EQ(JoinPath("/", "a"), "/a");
  EXPECT_EQ(JoinPath("/a", "b"), "/a/b");
}

TEST(Path, IsReservedAtAndBelowOneDirectory) {
  for (const char* reserved : {"/.quern", "//.quern/", "/.quern/jobs/job-1"}) {
    EXPECT_TRUE(IsReserved(reserved)) << reserved;
  }
  for (const char* free : {"/", "/.quernx", "/a/.quern", "file:///.quern", "/.quer"}) {
    EXPECT_FALSE(IsReserved(free)) << free;
  }
}

TEST(Path, IsHiddenByTheBeginningOfItsLastPart) {
  for (const char* hidden : {"/out/_SUCCESS", "/out/_d/", ".h"}) {
    EXPECT_TRUE(IsHiddenName(hidden)) << hidden;
  }
  for (const char* plain : {"/_out/part-r-00000", "/", "/a_b", "a."}) {
    EXPECT_FALSE(IsHiddenName(plain)) << plain;
  }
}

}  // namespace
}  // namespace quern::client
