// When a compiled job is used again, with a compiler that copies: what it "compiles" is the text of
// the source and of the header beside it.
#include "mapreduce/cli/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utime.h>

#include <cstdlib>
#include <fstream>

#include "common/storage/file_io.h"
#include "mapreduce/cli/build_record.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using testing::ElementsAre;

constexpr char kCompiler[] = R"(#!/bin/sh
for word; do
  case "$last" in -MF) rule=$word;; -o) out=$word;; esac
  last=$word
done
here=$(dirname "$last")
cat "$last" "$here/job.h" > "$out"
echo "plugin: $last \\" > "$rule"
echo "  $here/job.h" >> "$rule"
echo x >> "$here/compilations"
if [ -e "$here/edit" ]; then mv "$here/edit" "$here/job.h"; fi
)";

class CompileTest : public testing::Test {
 protected:
  CompileTest() {
    Write("cxx", kCompiler);
    chmod((dir_ / "cxx").c_str(), 0755);
    setenv("CXX", (dir_ / "cxx").c_str(), 1);
    setenv("XDG_CACHE_HOME", (dir_ / "cache").c_str(), 1);
    Write("job.cc", "source 1\n");
    Write("job.h", "header 1\n");
  }
  ~CompileTest() override { unsetenv("CXX"); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name, std::ios::trunc) << text;
  }
  std::string Read(const std::string& path) {
    return ReadFileToString(FileSystem::Real(), path).value_or("(none)");
  }
  std::string Compiled() {
    const auto plugin = CompileJob(dir_ / "job.cc");
    EXPECT_OK(plugin);
    return Read(*plugin);
  }
  size_t compilations() { return Read(dir_ / "compilations").size() / 2; }

  const TempDir dir_;
};

TEST_F(CompileTest, UsesItAgainWhileNothingHasChanged) {
  EXPECT_EQ(Compiled(), "source 1\nheader 1\n");
  // Files that were written just now may still be changing: such a build is not recorded.
  while (compilations() < 10) {
    const size_t before = compilations();
    EXPECT_EQ(Compiled(), "source 1\nheader 1\n");
    if (compilations() == before) return;
  }
  FAIL() << "compiled every time";
}

TEST_F(CompileTest, NoticesAnyChangeOfContentsWhateverTheTimes) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Compiled(), "source 1\nheader 1\n");
  for (const char* name : {"job.h", "job.cc"}) {
    Write(name, std::string(name) + " 2\n");
    const utimbuf old = {1, 1};
    ASSERT_EQ(utime((dir_ / name).c_str(), &old), 0);
    EXPECT_THAT(Compiled(), testing::HasSubstr(std::string(name) + " 2"));
  }
}

TEST_F(CompileTest, AHeaderSavedWhileTheCompilerRunsIsCompiledTheNextTime) {
  Write("edit", "header 2\n");
  EXPECT_EQ(Compiled(), "source 1\nheader 1\n");
  EXPECT_EQ(Compiled(), "source 1\nheader 2\n");
}

TEST_F(CompileTest, ADamagedResultIsMadeAgain) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Compiled(), "source 1\nheader 1\n");
  const std::string plugin = *CompileJob(dir_ / "job.cc");
  std::ofstream(plugin, std::ios::trunc) << "torn";
  EXPECT_EQ(Compiled(), "source 1\nheader 1\n");
}

TEST_F(CompileTest, ACompilerMayBeSeveralWords) {
  setenv("CXX", ("env  WORDS=1 " + dir_ / "cxx").c_str(), 1);
  EXPECT_EQ(Compiled(), "source 1\nheader 1\n");
  setenv("CXX", " ", 1);
  EXPECT_THAT(CompileJob(dir_ / "job.cc"), StatusIs(absl::StatusCode::kInvalidArgument))
      << "c++ does not take it for a program";
}

TEST_F(CompileTest, SaysThatThereIsNoSource) {
  EXPECT_THAT(CompileJob(dir_ / "none.cc"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(MakeRuleTest, ReadsWhatCompilersWrite) {
  EXPECT_THAT(ParseMakeRule("plugin: /a/job.cc /usr/include/x.h \\\n  /a\\ b/c\\#$$.h\n"),
              ElementsAre("/a/job.cc", "/usr/include/x.h", "/a b/c#$.h"));
  EXPECT_THAT(ParseMakeRule("plugin: a.cc"), ElementsAre("a.cc"));
  EXPECT_THAT(ParseMakeRule(""), ElementsAre());
}

}  // namespace
}  // namespace quern::mr
