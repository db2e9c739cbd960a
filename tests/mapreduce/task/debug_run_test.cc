// The process behind `mr debug`: an error that it names itself is told once.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "common/storage/file_io.h"
#include "mapreduce/engine/attempt_failure.h"
#include "quern/mr/v1/task.pb.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasLimits = false;  // a sanitizer takes all addresses for itself
#else
constexpr bool kHasLimits = true;
#endif

class DebugRunTest : public ::testing::Test {
 protected:
  DebugRunTest() {
    pb::DebugRun run;
    run.set_scratch_dir(dir_.path());
    std::ofstream(dir_ / "run", std::ios::binary) << run.SerializeAsString();
  }
  // One line of its own, and the note that keeps `mr debug` from describing its end once more.
  void ExpectSays(const std::string& why, const std::string& flags,
                  const std::string& before = "") {
    std::FILE* const pipe = popen(fmt::format("{}{}/quern-task --debug {} {} 2>&1", before,
                                              std::getenv("QUERN_BIN"), dir_ / "run", flags)
                                      .c_str(),
                                  "r");
    std::string said;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
    EXPECT_EQ(WEXITSTATUS(pclose(pipe)), 1) << flags;
    EXPECT_THAT(said, AllOf(StartsWith("mr debug: "), HasSubstr(why), EndsWith("\n")));
    EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
    const std::string note = fmt::format("{}/{}", dir_.path(), kHasSaid);
    EXPECT_TRUE(FileSystem::Real()->Exists(note)) << why;
    FileSystem::Real()->Remove(note).IgnoreError();
  }

  const TempDir dir_;
};

TEST_F(DebugRunTest, ErrorsBeforeTheTaskHasBegunAreToldOnce) {
  ExpectSays("--master: 'nowhere' is not HOST:PORT", "--master nowhere");
  ExpectSays("No such file or directory", "--master 127.0.0.1:1");  // the plugin
  if (!kHasLimits) return;
  // Which takes 256 MiB of addresses.
  ExpectSays(
      "memory for --check: Cannot allocate memory: 256 MiB of addresses are more than this process "
      "may have. Try: ulimit -v unlimited before it, or no --check",
      "--master 127.0.0.1:1 --check", "ulimit -v 260000; ");
}

}  // namespace
}  // namespace quern::mr
