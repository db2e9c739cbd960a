// The Debian packages: what is in them runs from where they put it, and a job is compiled there.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

using ::testing::HasSubstr;

class PackageTest : public ::testing::Test {
 protected:
  bool Shell(const std::string& command) {
    const auto process = Subprocess::Spawn(
        {"/bin/sh", "-c", fmt::format("cd {} && ( {} ) >> log 2>&1", dir_.path(), command)},
        {.env = std::nullopt});
    return process.ok() && (*process)->Wait().ok();
  }
  std::string Read(const std::string& name) {
    return ReadFileToString(FileSystem::Real(), dir_ / name).value_or("");
  }

  const TempDir dir_;
};

constexpr const char* kJob = R"(#include "mapreduce/api/mapreduce.h"
class Lengths : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override { Emit(in.value().size(), in.value()); }
};
QUERN_REGISTER_MAPPER(Lengths);
)";

TEST_F(PackageTest, AreBuiltAndWhatIsInThemRuns) {
  // Unpacked it is what apt would install, under another root.
  ASSERT_TRUE(Shell("cpack -G DEB --config " QUERN_BUILD_DIR "/CPackConfig.cmake -B . && "
                    "for p in quern_*.deb quern-dev_*.deb; do dpkg-deb -x $p root; done && "
                    "dpkg-deb -f quern_*.deb Depends > depends"))
      << Read("log");
  // Two that every preset links to as shared ones: a release has gRPC and Abseil within.
  EXPECT_THAT(Read("depends"), HasSubstr("librocksdb"));
  EXPECT_THAT(Read("depends"), HasSubstr("libspdlog"));
  ASSERT_TRUE(
      Shell("for p in dfs dfsadmin mr quern quern-master quern-chunkserver "
            "quern-coordinator quern-worker quern-task quern-search; do "
            "root/usr/bin/$p --version || exit 1; done"))
      << Read("log");
  ASSERT_TRUE(WriteFileDurably(FileSystem::Real(), dir_ / "lengths.cc", kJob).ok());
  ASSERT_TRUE(Shell(fmt::format(
      "echo to be or not to be > in && export XDG_CACHE_HOME={0}/cache && "
      "root/usr/bin/mr run wordcount --local --reduce 1 file://{0}/in file://{0}/counts && "
      "root/usr/bin/mr run lengths.cc --local --reduce 0 file://{0}/in file://{0}/lengths && "
      "cat counts/part-* lengths/part-* > result",
      dir_.path())))
      << Read("log");
  // The examples that docs/writing-jobs.md names need nothing but the packages.
  ASSERT_TRUE(Shell(fmt::format(
      "export XDG_CACHE_HOME={0}/cache && docs=root/usr/share/doc/quern && "
      "cmp $docs/LICENSE {1}/LICENSE && "
      "for f in jobs/sessions.cc jobs/top_n.cc jobs/params.h tests/jobs/log_split.cc "
      "tests/mapreduce/task/c_words.c; do cmp $docs/examples/$f {1}/$f || exit 1; done && "
      "cc -shared -fPIC -I root/usr/include/quern $docs/examples/tests/mapreduce/task/c_words.c "
      "-o words.so && "
      "root/usr/bin/mr run ./words.so --mapper CWords --reducer CSum --combiner CSum --local "
      "--reduce 1 file://{0}/in file://{0}/c && "
      "g++ -std=c++20 -fsyntax-only -I root/usr/include/quern "
      "$docs/examples/tests/jobs/log_split.cc && "
      "cat c/part-* > c_result",
      dir_.path(), QUERN_SOURCE_DIR)))
      << Read("log");
  EXPECT_EQ(Read("c_result"), "be\t2\nnot\t1\nor\t1\nto\t2\n");
  EXPECT_EQ(Read("result"), "be\t2\nnot\t1\nor\t1\nto\t2\n18\tto be or not to be\n");
}

}  // namespace
}  // namespace quern
