#include "master/logic/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(PathTest, TakesPathsApart) {
  ASSERT_OK_AND_ASSIGN(const Path path, Path::Parse("/a/b c/词"));
  EXPECT_THAT(path.parts(), ElementsAre("a", "b c", "词"));
  EXPECT_EQ(path.name(), "词");
  EXPECT_EQ(path.Parent(), "/a/b c");
  EXPECT_EQ(path.ToString(), "/a/b c/词");
}

TEST(PathTest, TheRootHasNoParts) {
  ASSERT_OK_AND_ASSIGN(const Path path, Path::Parse("/"));
  EXPECT_TRUE(path.is_root());
  EXPECT_EQ(path.ToString(), "/");
}

TEST(PathTest, AcceptsOneSlashAtTheEnd) {
  ASSERT_OK_AND_ASSIGN(const Path path, Path::Parse("/a/"));
  EXPECT_EQ(path.ToString(), "/a");
}

TEST(PathTest, RefusesWhatIsNotAPath) {
  EXPECT_THAT(Path::Parse(""), StatusIs(kInvalid));
  EXPECT_THAT(Path::Parse("a/b"), StatusIs(kInvalid, HasSubstr("begins with /")));
  EXPECT_THAT(Path::Parse("/a//b"), StatusIs(kInvalid, HasSubstr("/a//b")));
  EXPECT_THAT(Path::Parse("/a/./b"), StatusIs(kInvalid));
  EXPECT_THAT(Path::Parse("/.."), StatusIs(kInvalid));
  EXPECT_THAT(Path::Parse(std::string_view("/a\0b", 4)), StatusIs(kInvalid, HasSubstr("NUL")));
}

TEST(PathTest, BoundsNamesPathsAndDepth) {
  const std::string longest_name(kMaxNameBytes, 'n');
  EXPECT_OK(Path::Parse("/" + longest_name));
  EXPECT_THAT(Path::Parse("/" + longest_name + "n"), StatusIs(kInvalid, HasSubstr("256 bytes")));
  std::string deep;
  for (size_t i = 0; i < kMaxPathDepth; ++i) deep += "/d";
  EXPECT_OK(Path::Parse(deep));
  EXPECT_THAT(Path::Parse(deep + "/d"), StatusIs(kInvalid, HasSubstr("levels")));
  std::string long_path;
  while (long_path.size() <= kMaxPathBytes) long_path += "/" + longest_name;
  EXPECT_THAT(Path::Parse(long_path), StatusIs(kInvalid, HasSubstr("too long")));
}

}  // namespace
}  // namespace quern::master
