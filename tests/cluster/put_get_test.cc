// Files go in and come out unchanged, whatever they are called, over restarts and beside others.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/crc32c.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(PutGet, BytesComeBackUnchanged) {
  const auto cluster = Cluster::Start();
  ASSERT_NE(cluster, nullptr);
  struct Case {
    const char* what;
    std::string path;
    size_t size;
  };
  const std::vector<Case> cases = {
      {"empty", "/empty", 0},
      {"one byte", "/one", 1},
      {"around a checksum block", "/block", 64 * 1024 + 1},
      {"several chunks", "/chunks", (size_t{130} << 20) + 17},
      {"blanks and another script", "/目录 one/文件 名.txt", 1000},
      {"a name of 255 bytes", "/" + std::string(255, 'n'), 10},
      {"characters that shells and globs like", "/a'b\"c$d\\*e?[f]", 10},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const std::string source = cluster->scratch() + "/source";
    const std::string target = cluster->scratch() + "/target";
    WriteRandomFile(source, c.size, /*seed=*/c.size);
    if (const auto parent = std::filesystem::path(c.path).parent_path(); parent != "/") {
      EXPECT_EQ(cluster->Dfs({"mkdir", "-p", parent}).exit_code, 0);
    }
    // The target's name is taken as it is; sources on the cluster are patterns.
    const CommandResult put = cluster->Dfs({"put", source, c.path});
    EXPECT_EQ(put.exit_code, 0) << put.Describe();
    const CommandResult get = cluster->Dfs({"get", "-f", GlobEscaped(c.path), target});
    EXPECT_EQ(get.exit_code, 0) << get.Describe();
    EXPECT_EQ(Sha256OfFile(target), Sha256OfFile(source));
    // As an earlier call would have left it that broke off half way.
    const std::string resumed = cluster->scratch() + "/resumed";
    const std::string partial = cluster->scratch() + "/.resumed.dfs-part";
    std::filesystem::copy_file(source, partial);
    std::filesystem::resize_file(partial, c.size / 2);
    const CommandResult again = cluster->Dfs({"get", "--resume", GlobEscaped(c.path), resumed});
    EXPECT_EQ(again.exit_code, 0) << again.Describe();
    EXPECT_EQ(Sha256OfFile(resumed), Sha256OfFile(source));
    EXPECT_FALSE(std::filesystem::exists(partial));
    std::filesystem::remove(resumed);
    const CommandResult fsck = cluster->Dfs({"fsck", c.path});
    EXPECT_EQ(fsck.exit_code, 0) << fsck.Describe();
    EXPECT_THAT(fsck.out, HasSubstr("is HEALTHY"));
  }
}

TEST(PutGet, TailFollowsAFileUntilItIsInterruptedOrTheFileRemoved) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const auto put = [&](const std::string& text) {
    EXPECT_EQ(cluster->Dfs({"put", "-f", "-", "/log"}, {.stdin_text = text}).exit_code, 0);
  };
  put("first one\n");
  const auto tail = cluster->StartCommand({"dfs", "tail", "-f", "-n", "1", "/log"});
  const auto says = [&](const char* what) {
    return cluster->Eventually(
        [&] { return tail->ErrSoFar().find(what) != std::string::npos || !tail->IsRunning(); });
  };
  ASSERT_TRUE(says("is complete and grows no more"));
  put("second one\n");
  ASSERT_TRUE(says("was replaced"));
  tail->Signal(SIGINT);
  const CommandResult interrupted = tail->Finish();
  EXPECT_EQ(interrupted.exit_code, 130) << interrupted.Describe();
  EXPECT_TRUE(interrupted.out.starts_with("first one\n")) << interrupted.Describe();

  const auto other = cluster->StartCommand({"dfs", "tail", "-f", "/log"});
  ASSERT_TRUE(
      cluster->Eventually([&] { return other->ErrSoFar().find("complete") != std::string::npos; }));
  EXPECT_EQ(cluster->Dfs({"rm", "/log"}).exit_code, 0);
  const CommandResult removed = other->Finish();
  EXPECT_EQ(removed.exit_code, 1) << removed.Describe();
  EXPECT_EQ(removed.out, "second one\n");
  EXPECT_THAT(removed.err, HasSubstr("/log: was removed"));
  EXPECT_EQ(cluster->Dfs({"tail", "-f", "/a", "/b"}).exit_code, 2);
}

TEST(PutGet, NamesPast255BytesAreRefused) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const CommandResult put =
      cluster->Dfs({"put", "-", "/" + std::string(256, 'n')}, {.stdin_text = "x"});
  EXPECT_EQ(put.exit_code, 1) << put.Describe();
  EXPECT_THAT(put.err, HasSubstr("255"));
}

TEST(PutGet, RestartOfEverythingKeepsTheData) {
  const auto cluster = Cluster::Start();
  ASSERT_NE(cluster, nullptr);
  const std::string bytes = RandomText(3 << 20, /*seed=*/1);
  ASSERT_EQ(cluster->Dfs({"put", "-", "/kept"}, {.stdin_text = bytes}).exit_code, 0);
  ASSERT_EQ(cluster->Dfs({"mkdir", "/empty"}).exit_code, 0);
  // The servers are told where there is no file to look at, too.
  const CommandResult empty = cluster->Dfs({"fsck", "/empty", "--json"});
  EXPECT_EQ(empty.exit_code, 0) << empty.Describe();
  EXPECT_THAT(empty.out, HasSubstr("\"chunkservers_alive\":"));
  EXPECT_THAT(empty.out, Not(HasSubstr("\"chunkservers_alive\":0")));
  const std::string listed = cluster->Dfs({"ls", "/"}).out;
  cluster->StopAndStart();
  EXPECT_EQ(cluster->Dfs({"ls", "/"}).out, listed);
  const CommandResult cat = cluster->Dfs({"cat", "/kept"});
  EXPECT_EQ(cat.exit_code, 0) << cat.err;
  EXPECT_TRUE(cat.out == bytes);
  EXPECT_EQ(cluster->Dfs({"fsck", "/"}).exit_code, 0);
}

TEST(PutGet, AReplicaOnAServerThatHasNotReportedToThisMasterIsNotCounted) {
  const auto cluster = Cluster::Start({.chunkservers = 2, .workers = 0, .replication = 2});
  ASSERT_NE(cluster, nullptr);
  ASSERT_EQ(cluster->Dfs({"put", "-", "/a"}, {.stdin_text = "x"}).exit_code, 0);
  cluster->Stop("chunkserver2");
  cluster->Stop("master");
  cluster->Restart("master");
  CommandResult fsck;
  // The other server may be awaited, too, for a moment.
  EXPECT_TRUE(cluster->Eventually([&] {
    fsck = cluster->Dfs({"fsck", "/"});
    return fsck.exit_code == 1 && fsck.out.ends_with("is UNDER-REPLICATED FOR NOW\n");
  })) << fsck.Describe();
  EXPECT_THAT(fsck.out, HasSubstr("Chunkserver " + cluster->spec("chunkserver2").rpc_address() +
                                  " (node-2) has not reported since the master started"));
  EXPECT_THAT(cluster->Dfs({"admin", "report", "--dead"}).out,
              HasSubstr("Last contact: none since the master started"));
  cluster->Restart("chunkserver2");
  EXPECT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"fsck", "/"}).exit_code == 0; }));
}

// Both are 0, as is what is not given.
TEST(PutGet, NoPermissionsAndTheFirstSecondAreKeptThereAndBackWhenAsked) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const std::string source = cluster->scratch() + "/source";
  const std::string target = cluster->scratch() + "/target";
  WriteRandomFile(source, 10, /*seed=*/1);
  const timespec times[] = {{0, 0}, {0, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, source.c_str(), times, 0), 0);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"put", "-p", source, "/f"},
                                                {"chmod", "000", "/f"},
                                                {"cp", "-p", "/f", "/g"},
                                                {"get", "-p", "/g", target}}) {
    const CommandResult result = cluster->Dfs(words);
    EXPECT_EQ(result.exit_code, 0) << result.Describe();
  }
  EXPECT_EQ(cluster->Dfs({"stat", "%a %y", "/g"}).out, "0 1970-01-01 00:00:00\n");
  struct stat info = {};
  ASSERT_EQ(stat(target.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, mode_t{0});
  EXPECT_EQ(info.st_mtim.tv_sec, 0);
}

// As nobody's they would be no use, and as those of whoever gets the file a danger.
TEST(PutGet, SetuidIsNotKeptAndThatIsSaid) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const std::string dir = cluster->scratch() + "/dir";
  ASSERT_EQ(mkdir(dir.c_str(), 0755), 0);
  for (const char* name : {"/a", "/b", "/c"}) WriteRandomFile(dir + name, 10, /*seed=*/1);
  ASSERT_EQ(chmod((dir + "/a").c_str(), 04751), 0);
  ASSERT_EQ(chmod((dir + "/c").c_str(), 01640), 0);
  const CommandResult one = cluster->Dfs({"put", "-p", dir, "/one"});
  EXPECT_EQ(one.exit_code, 0) << one.Describe();
  EXPECT_THAT(one.err, HasSubstr(dir + "/a: setuid and setgid are not kept"));
  EXPECT_EQ(cluster->Dfs({"stat", "%a", "/one/a", "/one/c"}).out, "751\n1640\n");
  ASSERT_EQ(chmod((dir + "/b").c_str(), 04644), 0);
  EXPECT_THAT(cluster->Dfs({"put", "-p", dir, "/two"}).err,
              HasSubstr(dir + "/a and 1 more: setuid"));
  EXPECT_THAT(cluster->Dfs({"put", dir, "/three"}).err, ::testing::Not(HasSubstr("setuid")));
}

TEST(PutGet, DiffSaysWhetherAndWhereCopiesDiffer) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const std::string dir = cluster->scratch() + "/tree";
  std::filesystem::create_directories(dir + "/sub");
  WriteRandomFile(dir + "/big", (size_t{3} << 20) + 5, /*seed=*/1);
  std::ofstream(dir + "/sub/a") << "0123456789";
  std::ofstream(dir + "/empty").flush();
  ASSERT_EQ(cluster->Dfs({"put", dir, "/one"}).exit_code, 0);
  ASSERT_EQ(cluster->Dfs({"cp", "/one", "/two"}).exit_code, 0);
  const auto same = [&](const std::string& a, const std::string& b) {
    const CommandResult result = cluster->Dfs({"diff", a, b});
    EXPECT_EQ(result.exit_code, 0) << result.Describe();
    EXPECT_EQ(result.out, "");
  };
  const auto differ = [&](const std::string& a, const std::string& b, const std::string& out) {
    const CommandResult result = cluster->Dfs({"diff", a, b});
    EXPECT_EQ(result.exit_code, 1) << result.Describe();
    EXPECT_EQ(result.out, out);
  };
  same("/one", "/two");
  same("file://" + dir, "/two");
  same("/one/big", "file://" + dir + "/big");
  ASSERT_EQ(cluster->Dfs({"put", "-f", "-", "/two/sub/a"}, {.stdin_text = "01234x6789"}).exit_code,
            0);
  differ("/one", "/two", "/one/sub/a: differs from /two/sub/a at byte 5 (of 10 and 10)\n");
  ASSERT_EQ(cluster->Dfs({"put", "-f", "-", "/two/sub/a"}, {.stdin_text = "012"}).exit_code, 0);
  differ("file://" + dir + "/sub/a", "/two/sub/a",
         dir + "/sub/a: differs from /two/sub/a at byte 3 (of 10 and 3)\n");
  ASSERT_EQ(cluster->Dfs({"rm", "-r", "/two/sub", "/one/empty"}).exit_code, 0);
  differ("/one", "/two", "/two/empty: is only on this side\n/one/sub: is only on this side\n");
  differ("/one/sub", "/one/big", "/one/sub: is a directory, and /one/big is none\n");
  EXPECT_THAT(cluster->Dfs({"diff", "/one", "/nothing"}).err, HasSubstr("/nothing"));
}

TEST(PutGet, WhatIsNotPackedIsNamed) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const std::string dir = cluster->scratch() + "/pages";
  ASSERT_EQ(mkdir(dir.c_str(), 0755), 0);
  std::ofstream(dir + "/good") << "caf\xc3\xa9\n";
  EXPECT_THAT(cluster->Dfs({"put", "--pack", dir, "/all"}).err,
              ::testing::Not(HasSubstr("not UTF-8")));
  std::ofstream(dir + "/latin1") << "caf\xe9\n";
  const CommandResult one = cluster->Dfs({"put", "--pack", dir, "/one"});
  EXPECT_EQ(one.exit_code, 0) << one.Describe();
  EXPECT_THAT(one.err, HasSubstr("binary, or text that is not UTF-8: " + dir + "/latin1\n"));
  for (char name = 'a'; name <= 'l'; ++name) std::ofstream(dir + "/" + name) << "caf\xe9\n";
  const CommandResult many = cluster->Dfs({"put", "--pack", dir, "/many"});
  EXPECT_THAT(many.err, HasSubstr("UTF-8: " + dir + "/a, " + dir + "/b, "));
  EXPECT_THAT(many.err, HasSubstr("/j and 3 more\n"));
}

TEST(PutGet, EachPackedFileIsTold) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const std::string dir = cluster->scratch() + "/texts";
  ASSERT_EQ(mkdir(dir.c_str(), 0755), 0);
  std::ofstream(dir + "/a") << "text\n";
  std::ofstream(dir + "/b") << "caf\xe9\n";
  const std::string alone = cluster->Dfs({"put", "--json", dir + "/a", "/alone"}).out;
  EXPECT_THAT(alone, HasSubstr(fmt::format("\"bytes\":5,\"crc32c\":\"{:08x}\"", Crc32c("text\n"))));
  const CommandResult packed = cluster->Dfs({"put", "--json", "--pack", dir, "/packed.jsonl"});
  ASSERT_EQ(packed.exit_code, 0) << packed.Describe();
  std::string as_alone = alone;
  as_alone.replace(as_alone.find("/alone"), 6, "/packed.jsonl");
  EXPECT_THAT(
      packed.out,
      StartsWith(as_alone + fmt::format("{{\"source\":\"{}/b\",\"skipped\":\"binary\"}}\n", dir) +
                 "{\"path\":\"/packed.jsonl\","));
  EXPECT_THAT(packed.out, HasSubstr("\"files\":1,\"text_bytes\":5,\"skipped_binary\":1,"));
}

// Also those that go together, and those among them that cannot.
TEST(PutGet, CopiesWithinTheClusterAreTheSame) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const std::string dir = cluster->scratch() + "/many";
  ASSERT_EQ(mkdir(dir.c_str(), 0755), 0);
  for (int i = 0; i < 150; ++i) std::ofstream(fmt::format("{}/f{:03}", dir, i)) << "file " << i;
  WriteRandomFile(dir + "/f050x", 0, /*seed=*/1);
  WriteRandomFile(dir + "/f060x", 100'000, /*seed=*/1);
  std::filesystem::permissions(dir + "/f007", std::filesystem::perms::owner_read);
  ASSERT_EQ(cluster->Dfs({"put", "-p", dir, "/many"}).exit_code, 0);
  const CommandResult copied = cluster->Dfs({"cp", "-p", "--json", "/many", "/copies"});
  EXPECT_EQ(copied.exit_code, 0) << copied.Describe();
  EXPECT_EQ(std::count(copied.out.begin(), copied.out.end(), '\n'), 152) << copied.out;
  EXPECT_THAT(copied.out,
              HasSubstr("{\"source\":\"/many/f149\",\"path\":\"/copies/f149\",\"bytes\":8}"));
  const CommandResult differ = cluster->Dfs({"diff", "/many", "/copies"});
  EXPECT_EQ(differ.exit_code, 0) << differ.Describe();
  EXPECT_EQ(cluster->Dfs({"stat", "%a %y", "/copies/f007"}).out,
            cluster->Dfs({"stat", "%a %y", "/many/f007"}).out);
  ASSERT_EQ(cluster->Dfs({"rm", "/copies/f100"}).exit_code, 0);
  const CommandResult again = cluster->Dfs({"cp", "/many/f0*", "/many/f100", "/copies"});
  EXPECT_EQ(again.exit_code, 1) << "all but one are there";
  EXPECT_EQ(std::count(again.err.begin(), again.err.end(), '\n'), 102) << again.err;
  EXPECT_EQ(cluster->Dfs({"cat", "/copies/f100"}).out, "file 100");
}

TEST(PutGet, FsckTellsOfFilesThatHaveNoNameYet) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const auto fsck = [&](std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"fsck", "/"});
    return cluster->Dfs(flags);
  };
  EXPECT_THAT(fsck({"--open"}).out, Not(HasSubstr("name yet")));

  const auto put = cluster->StartCommand({"dfs", "put", "-", "/目录 x"}, {.stdin_pipe = true});
  ASSERT_TRUE(put->Feed(std::string(size_t{24} << 20, 'x')));  // more than a writer holds
  const auto begun = [&] { return fsck({"--open"}).out.find("/目录 x") != std::string::npos; };
  ASSERT_TRUE(cluster->Eventually(begun));
  const CommandResult open = fsck({"--open"});
  EXPECT_EQ(open.exit_code, 0) << open.Describe();
  EXPECT_THAT(open.out, HasSubstr("1 chunk:  being written, no name yet, writer heard of "));
  EXPECT_THAT(open.out, HasSubstr(" Files without a name yet:\t1 ("));
  EXPECT_THAT(fsck({"--json", "--open"}).out, HasSubstr("{\"path\":\"/目录 x\",\"named\":false,"));
  EXPECT_THAT(fsck({"--json"}).out, HasSubstr("\"files_without_name\":1,"));

  put->CloseStdin();
  EXPECT_EQ(put->Finish().exit_code, 0);
  EXPECT_THAT(fsck({"--open"}).out, Not(HasSubstr("name yet")));
}

TEST(PutGet, TwoClustersSideBySideDoNotMix) {
  const auto left = Cluster::Start({.chunkservers = 2, .workers = 1});
  const auto right = Cluster::Start({.chunkservers = 2, .workers = 1});
  ASSERT_TRUE(left != nullptr && right != nullptr);
  ASSERT_EQ(left->Dfs({"put", "-", "/x"}, {.stdin_text = "left"}).exit_code, 0);
  EXPECT_EQ(right->Dfs({"test", "-e", "/x"}).exit_code, 1);
  ASSERT_EQ(right->Dfs({"put", "-", "/x"}, {.stdin_text = "right"}).exit_code, 0);
  EXPECT_EQ(left->Dfs({"cat", "/x"}).out, "left");
}

}  // namespace
}  // namespace quern::testing
