// Whatever ends a run on this machine, it leaves nothing behind.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "common/subprocess.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class LocalRunEndTest : public LocalJobsTest {
 protected:
  LocalRunEndTest() {
    for (const char* name : {"/tmp", "/place"}) {
      std::filesystem::create_directory(dir_.path() + name);
    }
    std::ofstream(dir_ / "in") << "a line\n";
  }
  std::vector<std::string> Command(const std::string& map) {
    return {"env",
            "TMPDIR=" + dir_ / "tmp",
            std::string(std::getenv("QUERN_BIN")) + "/mr",
            "run",
            "--local",
            "--map",
            map,
            "file://" + dir_ / "in",
            "file://" + dir_ / "place/out"};
  }
  // Runs a mapper that waits for ever, and sends the signal when it does.
  ExitStatus EndBy(int signal) {
    const std::string started = dir_ / "started";
    auto run =
        Subprocess::Spawn(Command(fmt::format("echo > {}; exec tail -f /dev/null", started)), {});
    EXPECT_TRUE(run.ok()) << run.status();
    for (int i = 0; i < 6'000 && !FileSystem::Real()->Exists(started); ++i) {
      if ((*run)->WaitFor(absl::Milliseconds(10)).has_value()) break;
    }
    EXPECT_TRUE(FileSystem::Real()->Exists(started));
    (*run)->Kill(signal);
    return (*run)->Wait();
  }
  std::string Left() { return Shell(fmt::format("cd {}; ls -A tmp place", dir_.path())).out; }
};

constexpr char kNothing[] = "place:\n\ntmp:\n";

TEST_F(LocalRunEndTest, AnInterruptedRunLeavesNothing) {
  for (const int signal : {SIGINT, SIGTERM}) {
    std::filesystem::remove(dir_ / "started");
    EXPECT_EQ(EndBy(signal).signal, signal);
    EXPECT_EQ(Left(), kNothing);
  }
}

TEST_F(LocalRunEndTest, ACrashIsAnObjectToo) {
  for (const char* end : {"kill -ABRT $PPID; cat", "exit 3"}) {
    std::string line = "LC_ALL=C";
    for (const std::string& word : Command(end)) line += fmt::format(" '{}'", word);
    const Outcome outcome = Shell(line + " --json 2> /dev/null");
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("\"state\":\"FAILED\""));
    EXPECT_EQ(outcome.out.find("its process ended with signal 6") != std::string::npos,
              end[0] == 'k')
        << outcome.out;
  }
}

TEST_F(LocalRunEndTest, ARunWhoseUserCodeCrashesLeavesNothing) {
  const std::string map = fmt::format(
      "tail -f /dev/null > /dev/null 2>&1 & echo $! > {}/background; kill -ABRT $PPID; cat",
      dir_.path());
  std::string line;
  for (const std::string& word : Command(map)) line += fmt::format(" '{}'", word);
  const Outcome outcome = Shell(fmt::format("({}) 2>&1; echo code $?", line));
  EXPECT_THAT(outcome.out, HasSubstr("mr run --local: its process ended with signal 6"));
  EXPECT_THAT(outcome.out, HasSubstr("code 1\n"));
  EXPECT_EQ(Left(), kNothing);
  EXPECT_NE(Shell(fmt::format("kill -0 $(cat {}/background) 2>&1", dir_.path())).exit_code, 0)
      << "what it had started goes with it";
}

// What it says of the crash goes into a pipe that nobody reads any more.
TEST_F(LocalRunEndTest, ARunThatNobodyListensToLeavesNothing) {
  const std::string map =
      fmt::format("while [ ! -e {}/gone ]; do :; done; kill -ABRT $PPID; cat", dir_.path());
  std::string line;
  for (const std::string& word : Command(map)) line += fmt::format(" '{}'", word);
  Shell(
      fmt::format("mkfifo {0}/said; ({1} 2> {0}/said) & exec 3< {0}/said; exec 3<&-; "
                  "touch {0}/gone; wait",
                  dir_.path(), line));
  EXPECT_EQ(Left(), kNothing);
}

}  // namespace
}  // namespace quern::mr
