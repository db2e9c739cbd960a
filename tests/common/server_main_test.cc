#include "common/server_main.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "common/host_port.h"
#include "common/storage/file_io.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ServerMainTest : public testing::Test {
 protected:
  ServerMainTest() {
    role_.name = "worker";
    role_.description = "Runs task attempts.";
    role_.examples = "  quern-worker --dir /data/1,/data/2";
    role_.default_port = 9430;
    role_.default_dirs = {"scratch"};
    role_.flags = {MakeNumberFlag("slots", &slots_, {0, 1000}, "attempts at once"),
                   MakeSizeFlag("reserve", &reserve_, "space that stays free"),
                   MakeFlag("dead_after", &dead_after_, "silence that means death"),
                   MakeFlag("local", &local_, "no network")};
  }
  ~ServerMainTest() override {
    for (const char* name :
         {"QUERN_LISTEN", "QUERN_SLOTS", "QUERN_RACK", "QUERN_CONFIG", "QUERN_INSECURE_NETWORK"}) {
      unsetenv(name);
    }
  }

  ParsedServerFlags Parse(const std::vector<std::string>& arguments) {
    return ParseServerFlags(arguments, role_);
  }
  ServerFlags Good(const std::vector<std::string>& arguments) {
    const ParsedServerFlags parsed = Parse(arguments);
    EXPECT_EQ(parsed.exit_code, -1) << parsed.output;
    return parsed.flags;
  }
  std::string Usage(const std::vector<std::string>& arguments) {
    const ParsedServerFlags parsed = Parse(arguments);
    EXPECT_EQ(parsed.exit_code, 2) << parsed.output;
    return parsed.output;
  }
  std::string Config(std::string_view text) {
    EXPECT_OK(WriteFileDurably(FileSystem::Real(), dir_ / "q.toml", text));
    return dir_ / "q.toml";
  }

  TempDir dir_;
  ServerRole role_;
  int slots_ = 2;
  uint64_t reserve_ = uint64_t{1} << 30;
  absl::Duration dead_after_ = absl::Seconds(10);
  bool local_ = false;
};

TEST_F(ServerMainTest, DefaultsOfARole) {
  const ServerFlags flags = Good({});
  EXPECT_EQ(flags.listen, "127.0.0.1:9430");
  EXPECT_EQ(flags.http, "127.0.0.1:9530");
  EXPECT_EQ(flags.node, HostName());
  EXPECT_EQ(flags.rack, "/default-rack");
  EXPECT_THAT(flags.dirs, ElementsAre("scratch"));
  EXPECT_THAT(flags.masters, ElementsAre("127.0.0.1:9400"));
  EXPECT_FALSE(flags.insecure_network);
}

TEST_F(ServerMainTest, FlagsBeatTheEnvironmentWhichBeatsTheFile) {
  const std::string config = Config("listen = \"127.0.0.1:1\"\nrack = \"/f\"\nslots = 7\n");
  EXPECT_EQ(Good({"--config", config}).listen, "127.0.0.1:1");
  EXPECT_EQ(slots_, 7);
  setenv("QUERN_LISTEN", "127.0.0.1:2", 1);
  setenv("QUERN_SLOTS", "8", 1);
  EXPECT_EQ(Good({"--config", config}).listen, "127.0.0.1:2");
  EXPECT_EQ(slots_, 8);
  const ServerFlags flags = Good({"--config=" + config, "--listen=127.0.0.1:3", "--slots", "9"});
  EXPECT_EQ(flags.listen, "127.0.0.1:3");
  EXPECT_EQ(flags.rack, "/f");
  EXPECT_EQ(slots_, 9);
  setenv("QUERN_CONFIG", config.c_str(), 1);
  EXPECT_EQ(Good({}).rack, "/f");
}

TEST_F(ServerMainTest, EveryTypeOfFlag) {
  const ServerFlags flags = Good({"--dir", "/a, /b", "--master=m1:1,m2:2", "--reserve", "2g",
                                  "--dead_after=90s", "--local", "--insecure_network"});
  EXPECT_THAT(flags.dirs, ElementsAre("/a", "/b"));
  EXPECT_THAT(flags.masters, ElementsAre("m1:1", "m2:2"));
  EXPECT_EQ(reserve_, uint64_t{2} << 30);
  EXPECT_EQ(dead_after_, absl::Seconds(90));
  EXPECT_TRUE(local_);
  EXPECT_TRUE(flags.insecure_network);
  Good({"--local=false"});
  EXPECT_FALSE(local_);
  Good({"--config", Config("dir = [\"/c\", \"/d\"]\nlocal = true\n")});
  EXPECT_TRUE(local_);
}

TEST_F(ServerMainTest, ThePagesFollowTheRpcPort) {
  EXPECT_EQ(Good({"--listen=127.0.0.1:0"}).http, "127.0.0.1:0");
  EXPECT_EQ(Good({"--listen=0.0.0.0:7000"}).http, "0.0.0.0:7100");
  EXPECT_EQ(Good({"--listen=127.0.0.1:7000", "--http=127.0.0.1:1"}).http, "127.0.0.1:1");
}

TEST_F(ServerMainTest, WrongUseIsOneLineWithTheNextStep) {
  EXPECT_EQ(
      Usage({"--lisen=127.0.0.1:1"}),
      "quern-worker: --lisen: unknown flag. Did you mean --listen? Try: quern-worker --help\n");
  EXPECT_THAT(Usage({"--slots", "many"}), HasSubstr("--slots: 'many' is not a whole number"));
  EXPECT_THAT(Usage({"--slots", "-1"}), HasSubstr("from 0 to 1000"));
  EXPECT_THAT(Usage({"--slots", "4294967297"}), HasSubstr("from 0 to 1000"));
  EXPECT_THAT(Usage({"--reserve=x"}), HasSubstr("--reserve: 'x' is not a size"));
  EXPECT_THAT(Usage({"--listen=nonsense"}), HasSubstr("--listen: 'nonsense' is not HOST:PORT"));
  EXPECT_THAT(Usage({"--master=m1"}), HasSubstr("--master: 'm1'"));
  EXPECT_THAT(Usage({"--log_format=xml"}), HasSubstr("--log_format: 'xml'"));
  EXPECT_THAT(Usage({"--rack=r1"}), HasSubstr("--rack: 'r1'"));
  EXPECT_THAT(Usage({"stray"}), HasSubstr("stray"));
  EXPECT_THAT(Usage({"--listen"}), HasSubstr("--listen"));
}

TEST_F(ServerMainTest, WrongFilesAndVariablesNameThePlace) {
  EXPECT_THAT(Usage({"--config=/none.toml"}), HasSubstr("/none.toml"));
  EXPECT_THAT(Usage({"--config", Config("\nlisten_at = 1\n")}),
              AllOf(HasSubstr("q.toml:2: unknown key 'listen_at'"), HasSubstr("listen")));
  EXPECT_THAT(Usage({"--config", Config("slots = \"x\"\n")}),
              HasSubstr("q.toml:1: slots: 'x' is not a whole number"));
  EXPECT_THAT(Usage({"--config", Config("slots = {a = 1}\n")}), HasSubstr("q.toml:1: slots"));
  EXPECT_THAT(Usage({"--config", Config("slots = \n")}), HasSubstr("q.toml:1"));
  setenv("QUERN_INSECURE_NETWORK", "perhaps", 1);
  EXPECT_THAT(Usage({}), HasSubstr("QUERN_INSECURE_NETWORK: 'perhaps'"));
}

TEST_F(ServerMainTest, HelpShowsFlagsDefaultsAndExamples) {
  const ParsedServerFlags parsed = Parse({"--help"});
  EXPECT_EQ(parsed.exit_code, 0);
  EXPECT_THAT(parsed.output,
              AllOf(HasSubstr("Runs task attempts."), HasSubstr("--insecure_network"),
                    HasSubstr("attempts at once"), HasSubstr("127.0.0.1:9430"),
                    HasSubstr("quern-worker --dir /data/1,/data/2")));
  const ParsedServerFlags version = Parse({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.output, HasSubstr("quern-worker 0.1.0 ("));
}

TEST_F(ServerMainTest, AWildcardIsAdvertisedByName) {
  ServerFlags flags;
  EXPECT_EQ(AdvertisedAddress(flags, "127.0.0.1:9400"), "127.0.0.1:9400");
  EXPECT_EQ(AdvertisedAddress(flags, "0.0.0.0:9400"), HostName() + ":9400");
  flags.advertise = "m1:1";
  EXPECT_EQ(AdvertisedAddress(flags, "0.0.0.0:9400"), "m1:1");
}

class ServerStartTest : public ServerMainTest {
 protected:
  // In a process of its own, which does not outlive a test that fails.
  void Run() {
    alarm(60);
    char name[] = "quern-worker";
    char* arguments[] = {name, nullptr};
    std::exit(RunServer(1, arguments, role_));
  }
  // What does not end by itself: the process is killed after a minute.
  static void WaitForEver() {
    while (true) pause();
  }
};

TEST_F(ServerStartTest, AStopDoesNotWaitForAStartThatHangs) {
  role_.start_grace = absl::ZeroDuration();
  int signal = 0;
  role_.start = [&](const ServerFlags&) -> absl::StatusOr<std::unique_ptr<RunningServer>> {
    kill(getpid(), signal);
    WaitForEver();
    return UnavailableError("never");
  };
  signal = SIGTERM;
  EXPECT_EXIT(Run(), testing::ExitedWithCode(0), "server_start_given_up");
  signal = SIGINT;
  EXPECT_EXIT(Run(), testing::ExitedWithCode(130), "server_start_given_up");
}

class StoppingServer final : public RunningServer {
 public:
  std::string rpc_address() const override { return "127.0.0.1:1"; }
  std::string http_address() const override { return "127.0.0.1:2"; }
  void Shutdown() override { std::fputs("shut down properly\n", stderr); }
};

class HangingServer final : public RunningServer {
 public:
  ~HangingServer() override {
    while (true) pause();
  }
  std::string rpc_address() const override { return "127.0.0.1:1"; }
  std::string http_address() const override { return "127.0.0.1:2"; }
  void Shutdown() override {}
};

// As beside a disk that has hung since the start.
TEST_F(ServerStartTest, AStopThatHangsEndsAllTheSame) {
  role_.stop_grace = absl::ZeroDuration();
  role_.start = [](const ServerFlags&) -> absl::StatusOr<std::unique_ptr<RunningServer>> {
    kill(getpid(), SIGTERM);
    return std::make_unique<HangingServer>();
  };
  EXPECT_EXIT(Run(), testing::ExitedWithCode(0), "server_stop_given_up");
}

TEST_F(ServerStartTest, AStartThatEndsInTimeIsStoppedProperly) {
  role_.start_grace = absl::Seconds(50);
  role_.start = [](const ServerFlags&) -> absl::StatusOr<std::unique_ptr<RunningServer>> {
    kill(getpid(), SIGTERM);
    return std::make_unique<StoppingServer>();
  };
  EXPECT_EXIT(Run(), testing::ExitedWithCode(0), "shut down properly");
}

TEST_F(ServerStartTest, AStartThatFailsEndsTheProcessWithoutASignal) {
  role_.start = [](const ServerFlags&) -> absl::StatusOr<std::unique_ptr<RunningServer>> {
    return UnavailableError("no disk");
  };
  EXPECT_EXIT(Run(), testing::ExitedWithCode(1), "no disk");
}

#ifndef QUERN_ASAN  // there a process ends in order, to look for leaks
// What is left of it may be in a disk that hangs.
TEST_F(ServerStartTest, AfterAStartThatFailsNothingIsTornDown) {
  role_.start = [](const ServerFlags&) -> absl::StatusOr<std::unique_ptr<RunningServer>> {
    EXPECT_EQ(std::atexit([] { WaitForEver(); }), 0);
    return UnavailableError("no disk");
  };
  EXPECT_EXIT(Run(), testing::ExitedWithCode(1), "no disk");
}
#endif

}  // namespace
}  // namespace quern
