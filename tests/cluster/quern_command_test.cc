// `quern up`, `down`, `status` and `env` as a user or a script meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/clock.h"
#include "common/storage/file_io.h"
#include "deploy/local/cluster_dir.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/command.h"

namespace quern::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class QuernCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "quern up_XXXXXX";  // with a blank, on purpose
    dir_ = mkdtemp(pattern.data());
  }
  void TearDown() override {
    Quern({"down"});
    std::filesystem::remove_all(dir_);
  }

  CommandResult Quern(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), BinaryPath("quern"));
    arguments.insert(arguments.end(), {"--dir", dir_});
    return RunCommand(arguments);
  }
  CommandResult Up(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"up", "--port_base", "0", "--detach"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Quern(arguments);
  }
  // A shell that uses the cluster as a user would after pasting the lines.
  CommandResult Shell(const std::string& script) const {
    return RunCommand({"bash", "-c",
                       "eval \"$(\"$QUERN_BIN/quern\" env --dir \"$1\")\" && " + script, "bash",
                       dir_});
  }
  std::map<std::string, json> Status() const {
    std::map<std::string, json> servers;
    std::istringstream lines(Quern({"status", "--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      const json server = json::parse(line);
      servers[server.at("name")] = server;
    }
    return servers;
  }
  static bool Eventually(const std::function<bool()>& done) {
    for (int i = 0; i < 600; ++i) {
      if (done()) return true;
      Clock::Real()->Sleep(absl::Milliseconds(50));
    }
    return false;
  }

  std::string dir_;
};

TEST_F(QuernCommand, UpServesAtOnceAndDownKeepsTheData) {
  const CommandResult up = Up();
  ASSERT_EQ(up.exit_code, 0) << up.Describe();
  EXPECT_THAT(up.out, HasSubstr("export QUERN_MASTER=127.0.0.1:"));
  const auto before = Status();
  EXPECT_EQ(before.size(), 7u);
  for (const auto& [name, server] : before) {
    EXPECT_EQ(server.at("state"), "running") << name;
    for (const char* key : {"role", "pid", "rpc", "http", "dir"}) {
      EXPECT_TRUE(server.contains(key)) << name << " " << key;
    }
  }
  ASSERT_EQ(Shell("echo hello | dfs put - /a && dfs health").exit_code, 0);

  EXPECT_EQ(Quern({"down"}).exit_code, 0);
  for (const auto& [name, server] : before) {
    EXPECT_FALSE(local::ProcessIdentity::Of(server.at("pid").get<pid_t>()).IsAlive()) << name;
  }
  EXPECT_EQ(Status().at("master").at("state"), "stopped");
  ASSERT_EQ(Up().exit_code, 0);
  EXPECT_EQ(Shell("dfs cat /a").out, "hello\n");
  EXPECT_EQ(Status().at("master").at("rpc"), before.at("master").at("rpc")) << "ports are kept";
}

TEST_F(QuernCommand, AnUpThatFailedLeavesTheSizesFromBefore) {
  ASSERT_EQ(Up({"--chunkservers", "1", "--workers", "1"}).exit_code, 0);
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  std::ofstream(dir_ + "/worker2").close();  // where a directory is to be
  EXPECT_NE(Up({"--chunkservers", "2", "--workers", "2"}).exit_code, 0);
  std::filesystem::remove(dir_ + "/worker2");
  const CommandResult up = Up();
  ASSERT_EQ(up.exit_code, 0) << up.Describe();
  EXPECT_EQ(Status().size(), 4u);
}

TEST_F(QuernCommand, AnUpThatWouldLeaveOutDataIsRefusedUnlessAskedFor) {
  ASSERT_EQ(Up({"--chunkservers", "2", "--workers", "0"}).exit_code, 0);
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  const CommandResult refused = Up({"--chunkservers", "1"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("chunkserver2 in " + dir_ + " may hold data"));
  const CommandResult up = Up({"--chunkservers", "1", "--leave_out"});
  ASSERT_EQ(up.exit_code, 0) << up.Describe();
  EXPECT_THAT(up.out, HasSubstr("chunkserver2 in " + dir_ + ": left out"));
  EXPECT_THAT(up.out, HasSubstr(dir_ + "/.chunkserver2.quern-disk"));
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  EXPECT_EQ(Up().exit_code, 0) << "asked once";
}

TEST_F(QuernCommand, ASecondUpInTheSameDirectoryIsRefused) {
  ASSERT_EQ(Up({"--chunkservers", "1", "--workers", "1"}).exit_code, 0);
  const CommandResult again = Up();
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("running here already"));
  EXPECT_EQ(Shell("dfs health").exit_code, 0) << "the first one is not disturbed";
}

TEST_F(QuernCommand, APortInUseIsNamedWithTheFlag) {
  ASSERT_EQ(Up({"--chunkservers", "1", "--workers", "1"}).exit_code, 0);
  const std::string rpc = Status().at("master").at("rpc");
  const std::string port = rpc.substr(rpc.find(':') + 1);
  const CommandResult other = RunCommand(
      {BinaryPath("quern"), "up", "--dir", dir_ + "/other", "--port_base", port, "--detach"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, HasSubstr("port " + port + " of master is in use"));
  EXPECT_THAT(other.err, HasSubstr("--port_base"));
}

TEST_F(QuernCommand, ADeadServerIsRestartedUnlessToldNever) {
  ASSERT_EQ(Up({"--chunkservers", "1", "--workers", "1"}).exit_code, 0);
  const pid_t first = Status().at("worker1").at("pid");
  kill(first, SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    const json worker = Status().at("worker1");
    return worker.at("state") == "running" && worker.at("pid") != first;
  }));
  EXPECT_EQ(Quern({"down"}).exit_code, 0);

  ASSERT_EQ(Up({"--restart", "never"}).exit_code, 0);
  kill(Status().at("worker1").at("pid").get<pid_t>(), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return Status().at("worker1").at("state") == "dead"; }));
  EXPECT_TRUE(Status().at("worker1").at("pid").is_null());
  EXPECT_EQ(Quern({"status"}).exit_code, 1);
}

TEST_F(QuernCommand, AKilledSupervisorLeavesNothingInTheWay) {
  ASSERT_EQ(Up({"--chunkservers", "1", "--workers", "1"}).exit_code, 0);
  ASSERT_EQ(Shell("echo kept | dfs put - /a").exit_code, 0);
  const auto dir = local::ClusterDir::At(dir_);
  const auto state = dir->LoadState();
  ASSERT_TRUE((*state)->supervisor.Signal(SIGKILL).ok());
  // A process holds its lock until the kernel has ended it, which a busy machine takes its time
  // for.
  ASSERT_TRUE(Eventually([&] { return !(*state)->supervisor.IsAlive(); }));
  // Whether or not its servers have gone by now, the next `up` works.
  const CommandResult up = Up();
  ASSERT_EQ(up.exit_code, 0) << up.Describe();
  EXPECT_EQ(Shell("dfs cat /a").out, "kept\n");
}

TEST_F(QuernCommand, CtrlCStopsAClusterInTheForeground) {
  Command up({BinaryPath("quern"), "up", "--dir", dir_, "--port_base", "0", "--chunkservers", "1",
              "--workers", "1"},
             {});
  ASSERT_TRUE(Eventually([&] {
    const auto state = local::ClusterDir::At(dir_)->LoadState();
    return state.ok() && state->has_value() && (*state)->up;
  }));
  const auto servers = Status();
  up.Signal(SIGINT);
  EXPECT_EQ(up.Finish().exit_code, 130);
  for (const auto& [name, server] : servers) {
    EXPECT_FALSE(local::ProcessIdentity::Of(server.at("pid").get<pid_t>()).IsAlive()) << name;
  }
}

TEST_F(QuernCommand, FilesLostInAPowerCutDoNotKeepAClusterDown) {
  ASSERT_EQ(Up({"--chunkservers", "2", "--workers", "1"}).exit_code, 0);
  ASSERT_EQ(Shell("echo kept | dfs put - /a").exit_code, 0);
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  for (const char* name : {"/state.json", "/cluster.json"}) {
    std::filesystem::resize_file(dir_ + name, 0);
  }
  EXPECT_EQ(Quern({"status"}).exit_code, 1);
  EXPECT_THAT(Quern({"status"}).err, HasSubstr("quern up --dir"));
  EXPECT_THAT(Quern({"env"}).err, HasSubstr("quern up --dir"));
  EXPECT_EQ(Quern({"down"}).exit_code, 0);
  const CommandResult up = Quern({"up", "--detach"});
  ASSERT_EQ(up.exit_code, 0) << up.Describe();
  EXPECT_THAT(up.out, HasSubstr("2 chunkserver(s) and 1 worker(s), as their directories show"));
  EXPECT_EQ(Shell("dfs cat /a").out, "kept\n");
}

TEST_F(QuernCommand, ADirectoryOfSomebodyElseIsRefusedAndLeftAsItIs) {
  const std::vector<const char*> files = {"/cluster.json", "/state.json"};
  for (const char* name : files) std::ofstream(dir_ + name) << "mine";
  const CommandResult up = Up({"--chunkservers", "1", "--workers", "0"});
  EXPECT_EQ(up.exit_code, 1) << up.Describe();
  EXPECT_THAT(up.err, HasSubstr(dir_ + ": is not empty and no cluster's: cluster.json is in it"));
  EXPECT_THAT(up.err, HasSubstr("Try: --dir with an empty directory"));
  EXPECT_EQ(std::count(up.err.begin(), up.err.end(), '\n'), 1) << up.err;
  const CommandResult down = Quern({"down"});
  EXPECT_EQ(down.exit_code, 1) << down.Describe();
  EXPECT_THAT(*FileSystem::Real()->List(dir_), ElementsAre("cluster.json", "state.json"));
  for (const char* name : files) {
    EXPECT_EQ(*ReadFileToString(FileSystem::Real(), dir_ + name), "mine");
  }
}

TEST_F(QuernCommand, AnUnreadableConfigIsKeptUnderAnotherName) {
  ASSERT_EQ(Up({"--chunkservers", "1", "--workers", "0"}).exit_code, 0);
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  std::ofstream(dir_ + "/cluster.json") << "mine";
  const CommandResult up = Quern({"up", "--detach"});
  ASSERT_EQ(up.exit_code, 0) << up.Describe();
  const std::string kept = dir_ + "/cluster.json.unreadable";
  EXPECT_THAT(up.out, HasSubstr("kept: " + kept + "\n"));
  EXPECT_EQ(*ReadFileToString(FileSystem::Real(), kept), "mine");
  EXPECT_EQ(Shell("dfs health").exit_code, 0);
}

TEST_F(QuernCommand, ALostDirectoryIsForgottenWhenAsked) {
  ASSERT_EQ(Up({"--chunkservers", "2", "--workers", "0"}).exit_code, 0);
  ASSERT_EQ(Shell("echo kept | dfs put - /a").exit_code, 0);
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  std::filesystem::remove_all(dir_ + "/chunkserver1");
  const CommandResult refused = Up();
  EXPECT_EQ(refused.exit_code, 1);
  const std::string flag = " --forget_disks ";
  const size_t at = refused.err.rfind(flag);
  ASSERT_NE(at, std::string::npos) << refused.err;
  const size_t id_at = at + flag.size();
  const std::string id = refused.err.substr(id_at, refused.err.find('\n', id_at) - id_at);
  const CommandResult up = Up({"--forget_disks", id});
  ASSERT_EQ(up.exit_code, 0) << up.Describe();
  EXPECT_EQ(Shell("dfs cat /a").out, "kept\n");
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  EXPECT_EQ(Up().exit_code, 0) << "asked once";
}

TEST_F(QuernCommand, TheCommandThatForgetsADiskWorksAfterOtherSizes) {
  ASSERT_EQ(Up({"--chunkservers", "2", "--workers", "0"}).exit_code, 0);
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  ASSERT_EQ(Up({"--chunkservers", "1", "--leave_out"}).exit_code, 0);
  ASSERT_EQ(Quern({"down"}).exit_code, 0);
  std::filesystem::remove_all(dir_ + "/chunkserver2");
  const CommandResult refused = Up({"--chunkservers", "2"});
  EXPECT_EQ(refused.exit_code, 1);
  const std::string before = "for good: ";
  const size_t at = refused.err.rfind(before + "quern up");
  ASSERT_NE(at, std::string::npos) << refused.err;
  const size_t command_at = at + before.size();
  const std::string command =
      refused.err.substr(command_at, refused.err.find('\n', command_at) - command_at);
  const CommandResult pasted =
      RunCommand({"bash", "-c", "\"$QUERN_BIN\"/" + command + " --detach"});
  ASSERT_EQ(pasted.exit_code, 0) << command << "\n" << pasted.Describe();
  EXPECT_EQ(Status().count("chunkserver2"), 1u);
}

TEST_F(QuernCommand, ADirectoryMayHaveANameThatIsNotUtf8) {
  dir_ += "/caf\xe9 \xff";
  const CommandResult up = Up({"--chunkservers", "1", "--workers", "1"});
  ASSERT_EQ(up.exit_code, 0) << up.Describe();
  EXPECT_EQ(Shell("echo x | dfs put - /a && mr run wordcount /a /o && dfs cat '/o/part-*'").out,
            "x\t1\n");
  EXPECT_EQ(Quern({"status"}).exit_code, 0);
}

TEST_F(QuernCommand, WrongUseIsAnsweredInOneLine) {
  struct Case {
    std::vector<std::string> arguments;
    int exit_code;
    const char* says;
  };
  const std::vector<Case> cases = {
      {{"up", "--chunkservers", "0"}, 2, "--chunkservers"},
      {{"up", "--chunkservers", "4294967299"}, 2, "1 to 100"},
      {{"up", "--port_base", "65537"}, 2, "--port_base"},
      {{"up", "--replication", "9"}, 2, "--replication 9"},
      {{"up", "--restart", "maybe"}, 2, "maybe"},
      {{"up", "--forget_disks", ""}, 2, "--forget_disks"},
      {{"up", "--bogus"}, 2, "--bogus"},
      {{"statsu"}, 2, "Did you mean status?"},
      {{"down"}, 1, "no cluster was started here"},
      {{"status"}, 1, "quern up --dir"},
      {{"env"}, 1, "quern up --dir"},
  };
  for (const Case& c : cases) {
    const CommandResult result = Quern(c.arguments);
    EXPECT_EQ(result.exit_code, c.exit_code) << c.says << "\n" << result.Describe();
    EXPECT_THAT(result.err, HasSubstr(c.says));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST_F(QuernCommand, AnEmptyDirIsNotTheOneInTheHome) {
  for (const char* command : {"up", "down", "status", "env"}) {
    const CommandResult result =
        RunCommand({BinaryPath("quern"), command, "--dir", ""}, {.env = {{"HOME", dir_}}});
    EXPECT_EQ(result.exit_code, 2) << result.Describe();
    EXPECT_THAT(result.err, HasSubstr("--dir: is empty"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir_));
}

}  // namespace
}  // namespace quern::testing
