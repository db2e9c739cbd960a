// A project that `mr new` writes: built elsewhere, against what `cmake --install` leaves.
#include "mapreduce/cli/new_project.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "mapreduce/plan/plugin_info.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

TEST(NewProject, RefusesNamesThatAreNoTargets) {
  for (const char* name : {"", "Job", "1job", "my-job", "a/b", "..", "a b"}) {
    EXPECT_THAT(MakeProject(name), StatusIs(absl::StatusCode::kInvalidArgument)) << name;
  }
  for (const char* name : {"all", "clean", "help", "install", "package", "test"}) {
    EXPECT_THAT(MakeProject(name),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Try: my_")))
        << name;
  }
  EXPECT_OK(MakeProject("my_job2"));
}

TEST(NewProject, BuildsOutOfTheTreeTestsItselfAndRuns) {
  const TempDir dir;
  const auto shell = [&](const std::string& command) {
    const auto process = Subprocess::Spawn(
        {"/bin/sh", "-c", fmt::format("cd {} && ( {} ) >> log 2>&1", dir.path(), command)},
        {.env = std::nullopt});
    return process.ok() && (*process)->Wait().ok();
  };
  const std::string mr = std::string(std::getenv("QUERN_BIN")) + "/mr";
  const auto log = [&] { return ReadFileToString(FileSystem::Real(), dir / "log").value_or(""); };
  ASSERT_TRUE(shell(fmt::format("{} --version && {} new counts", mr, mr))) << log();
  EXPECT_FALSE(shell(mr + " new counts")) << "it is there already";
  ASSERT_TRUE(
      shell("cmake --install " QUERN_BUILD_DIR " --component api --prefix " + dir / "quern"))
      << log();
  ASSERT_TRUE(shell("cmake -S counts -B build -DCMAKE_PREFIX_PATH=" + dir / "quern")) << log();
  ASSERT_TRUE(shell("cmake --build build && ctest --test-dir build")) << log();
  ASSERT_OK_AND_ASSIGN(const PluginInfo plugin, ReadPlugin(dir / "build/libcounts.so"));
  EXPECT_EQ(plugin.Names(ClassKind::kMapper), std::vector<std::string>{"Words"});
  ASSERT_TRUE(shell("echo to be or not to be > in")) << log();
  // The plugin that was built, and the spec, whose source is compiled on the way.
  for (const std::string job : {"build/libcounts.so", "counts/counts.toml"}) {
    ASSERT_TRUE(
        shell(fmt::format("XDG_CACHE_HOME={} {} run --local --overwrite {} file://{} file://{}",
                          dir / "cache", mr, job, dir / "in", dir / "out")))
        << log();
    ASSERT_TRUE(shell("cat out/part-r-* > result"));
    EXPECT_EQ(ReadFileToString(FileSystem::Real(), dir / "result").value_or(""),
              "be\t2\nnot\t1\nor\t1\nto\t2\n")
        << job;
  }
}

}  // namespace
}  // namespace quern::mr
