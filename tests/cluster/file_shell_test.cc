// What `dfs` makes of the words that it is given, over a real cluster: names, patterns, targets.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "client/file_system.h"
#include "tests/cluster/cluster.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;

class FileShell : public ::testing::Test {
 protected:
  // One cluster for all; each test works below a directory of its own.
  static void SetUpTestSuite() {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 1}).release();
    ASSERT_NE(cluster_, nullptr);
  }
  static void TearDownTestSuite() {
    delete cluster_;
    cluster_ = nullptr;
  }

  static CommandResult Dfs(std::vector<std::string> words, const CommandOptions& options = {}) {
    return cluster_->Dfs(std::move(words), options);
  }
  // Exits with 0.
  static CommandResult Good(std::vector<std::string> words, const CommandOptions& options = {}) {
    CommandResult result = cluster_->Dfs(std::move(words), options);
    EXPECT_EQ(result.exit_code, 0) << result.Describe();
    return result;
  }
  // Exits with 1, changes nothing, and says `says` in one line.
  static void Refused(std::vector<std::string> words, const std::string& says) {
    const CommandResult result = cluster_->Dfs(std::move(words));
    EXPECT_EQ(result.exit_code, 1) << result.Describe();
    EXPECT_EQ(result.out, "") << result.Describe();
    EXPECT_THAT(result.err, HasSubstr(says));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  static void Put(const std::string& path, const std::string& text) {
    Good({"put", "-f", "-", path}, {.stdin_text = text});
  }
  static std::string Paths(const std::string& directory) {
    return Good({"ls", "-C", directory}).out;
  }

  static Cluster* cluster_;
};
Cluster* FileShell::cluster_ = nullptr;

TEST_F(FileShell, PathsThatAreNotAbsoluteAreRefusedByEveryCommand) {
  Good({"mkdir", "-p", "/w/d"});
  Refused({"mkdir", "/w/x/y/z"}, "directory /w/x does not exist. Try: dfs mkdir -p /w/x/y/z\n");
  Refused({"mkdir", "/w/x y/\u884c"}, "/w/x y does not exist. Try: dfs mkdir -p '/w/x y/\u884c'\n");
  Put("/w/d/f", "x");
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"rm", "-r", "-f", "w/d"},
                                             {"rm", "-r", "w/d"},
                                             {"rm", "-rf", "w/*"},
                                             {"rmdir", "w/d"},
                                             {"cat", "w/d/f"},
                                             {"ls", "w/*"},
                                             {"stat", "w/d"},
                                             {"mv", "w/d", "/v"},
                                             {"cp", "w/d", "/v"},
                                             {"setrep", "1", "w/d"},
                                             {"chmod", "700", "w/d"},
                                             {"chown", "x", "w/d"},
                                             {"du", "w/d"},
                                             {"count", "w/d"},
                                             {"find", "w/d"},
                                             {"fsck", "w/d"},
                                             {"checksum", "w/d/f"},
                                             {"mkdir", "w/e"},
                                             {"touch", "w/e"},
                                             {"put", "-", "w/e"}}) {
    SCOPED_TRACE(command[0]);
    Refused(command, "begin with '/'");
  }
  EXPECT_EQ(Good({"cat", "/w/d/f"}).out, "x");
}

TEST_F(FileShell, ANameThatIsThereIsThatNameBeforeItIsAPattern) {
  Good({"mkdir", "/names"});
  const std::vector<std::string> names = {"a[1].txt", "a1.txt",      "star*x",    "starYx", "b{x}",
                                          "bx",       "back\\slash", "backslash", "q?",     "qq"};
  for (const std::string& name : names) Put("/names/" + name, name);
  for (const std::string& name : names) {
    EXPECT_EQ(Good({"cat", "/names/" + name}).out, name);
    EXPECT_EQ(Good({"stat", "%n", "/names/" + name}).out, name + "\n");
    EXPECT_EQ(Dfs({"test", "-e", "/names/" + name}).exit_code, 0) << name;
  }
  for (const std::string& name : names) {
    EXPECT_EQ(Good({"rm", "-f", "/names/" + name}).out, "Deleted /names/" + name + "\n");
  }
  EXPECT_EQ(Paths("/names"), "");
}

TEST_F(FileShell, APathWithAPercentSignIsNoFormat) {
  Put("/100%n.txt", "x");
  EXPECT_EQ(Good({"stat", "%b", "/100%n.txt"}).out, "1\n");
  EXPECT_EQ(Good({"stat", "%n %b", "/100%n.txt", "/100%n.txt"}).out, "100%n.txt 1\n100%n.txt 1\n");
  const std::string time = Good({"stat", "/100%n.txt"}).out;
  EXPECT_THAT(time, ::testing::StartsWith("20"));
  EXPECT_EQ(Good({"stat", "/100%n.txt", "/100%n.txt"}).out, time + time);
}

// What is there of an output but its parts is not what anybody wants to have in one file.
TEST_F(FileShell, GetmergeIsThePartsOneAfterAnother) {
  Good({"mkdir", "-p", "/merge/_sub"});
  for (const char* name : {"_SUCCESS", "_MANIFEST.json", ".hidden", "_sub/part-r-00003"}) {
    Put(std::string("/merge/") + name, "wrong\n");
  }
  Put("/merge/part-r-00001", "b");
  Put("/merge/part-r-00000", "a\n");
  Put("/merge/part-r-00002", "");
  Put("/single", "c");
  const CommandOptions here{.cwd = cluster_->scratch()};
  Good({"getmerge", "/merge", "merged"}, here);
  const auto merged = [](const std::string& name) {
    std::ifstream file(cluster_->scratch() + "/" + name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(merged("merged"), Good({"cat", "/merge/part-*"}).out);
  EXPECT_EQ(merged("merged"), "a\nb");
  Good({"getmerge", "--nl", "/single", "/merge", "lines"}, here);
  EXPECT_EQ(merged("lines"), "c\na\n\nb\n\n");
  Good({"getmerge", "-nl", "--skip-empty-file", "-f", "/merge", "lines"}, here);
  EXPECT_EQ(merged("lines"), "a\n\nb\n");
  EXPECT_EQ(Good({"getmerge", "/merge/_SUCCESS", "-"}).out, "wrong\n") << "it is asked for";
  // A merge that lacks something is none.
  Refused({"getmerge", "/single", "/not_there", here.cwd + "/partial"}, "/not_there");
  EXPECT_FALSE(std::filesystem::exists(here.cwd + "/partial"));
  Refused({"getmerge", "/single", "/merge/x*", "-"}, "/merge/x*");
  Refused({"getmerge", "/single", "lines_nowhere/x"}, "lines_nowhere");
}

TEST_F(FileShell, TextIsWhatWasCompressed) {
  const std::string here = cluster_->scratch() + "/packed";
  std::filesystem::create_directories(here);
  const CommandResult made =
      RunCommand({"python3", "-c",
                  "import bz2, gzip, lzma\n"
                  "text = b''.join(b'line %d\\n' % i for i in range(300000))\n"
                  "for name, codec in ('gz', gzip), ('bz2', bz2), ('xz', lzma):\n"
                  "    packed = codec.compress(text)\n"
                  "    open('whole.' + name, 'wb').write(packed)\n"
                  "    open('cut.' + name, 'wb').write(packed[:-1000])\n"
                  "open('whole.txt', 'wb').write(text)\n"},
                 {.cwd = here});
  ASSERT_EQ(made.exit_code, 0) << made.Describe();
  Good({"put", here, "/packed"});
  const std::string text = Good({"text", "/packed/whole.txt"}).out;
  ASSERT_EQ(text, Good({"cat", "/packed/whole.txt"}).out);
  for (const std::string name : {"gz", "bz2", "xz"}) {
    EXPECT_TRUE(Good({"text", "/packed/whole." + name}).out == text) << name;
    const CommandResult cut = Dfs({"text", "/packed/cut." + name});
    EXPECT_EQ(cut.exit_code, 1) << name;
    EXPECT_THAT(cut.err, ::testing::AllOf(HasSubstr("/packed/cut." + name + ": "),
                                          HasSubstr(" data end too early; what is before")));
    EXPECT_FALSE(cut.out.empty()) << name;
    EXPECT_TRUE(text.starts_with(cut.out)) << name;
  }
  EXPECT_TRUE(Good({"text", "/packed/whole.*"}).out == text + text + text + text);
}

TEST_F(FileShell, SetrepWaitsForReplicasThatAreToCome) {
  Put("/waits", "x");
  // There is one server, so nothing comes.
  const auto waiting = cluster_->StartCommand({"dfs", "setrep", "-w", "2", "/waits"});
  ASSERT_TRUE(cluster_->Eventually([] { return Good({"stat", "%r", "/waits"}).out == "2\n"; }));
  EXPECT_TRUE(waiting->IsRunning());
  Good({"setrep", "1", "/waits"});
  const CommandResult done = waiting->Finish();
  EXPECT_EQ(done.exit_code, 0) << done.Describe();
  EXPECT_THAT(done.err, HasSubstr("1 chunkserver is there, 2 copies are wanted: -w waits"));
  EXPECT_THAT(done.out, HasSubstr("Waiting for /waits ..."));
  EXPECT_THAT(done.out, HasSubstr(" done\n"));
  EXPECT_EQ(Good({"setrep", "-w", "1", "/waits"}).err, "");
}

// The master makes no copies of a chunk that was sealed without a byte.
TEST_F(FileShell, SetrepDoesNotWaitForCopiesOfNothing) {
  const auto fs = client::FileSystem::Create({.masters = {cluster_->master()}});
  const auto writer = fs->Create("/nothing_came", {.expected_bytes = 3});
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->Close().ok());
  EXPECT_THAT(Good({"fsck", "/nothing_came", "--chunks"}).out, HasSubstr(" len=0 replicas=1 of 1"));
  Good({"setrep", "-w", "2", "/nothing_came"});
}

TEST_F(FileShell, AnEscapeMakesAPatternMeanOneName) {
  Good({"mkdir", "/quoted"});
  Put("/quoted/starYx", "1");
  Refused({"cat", "/quoted/star\\*x"}, "/quoted/star\\*x");
  Put("/quoted/star*x", "2");
  EXPECT_EQ(Good({"cat", "/quoted/star\\*x"}).out, "2");
  EXPECT_EQ(Good({"rm", "/quoted/star*x"}).out, "Deleted /quoted/star*x\n");
  EXPECT_EQ(Paths("/quoted"), "/quoted/starYx\n");
  // Nothing of that name any more: now it is a pattern, unless told otherwise.
  Refused({"rm", "--literal", "/quoted/star*x"}, "no such file");
  EXPECT_EQ(Good({"rm", "/quoted/star*x"}).out, "Deleted /quoted/starYx\n");
  EXPECT_EQ(Paths("/quoted"), "");
}

TEST_F(FileShell, WhatFindPrintsRemovesNothingElse) {
  Good({"mkdir", "/found"});
  Put("/found/star*x", "1");
  Put("/found/starYx", "2");
  const CommandResult found = Good({"find", "/found", "--name", "star\\*x", "--print0"});
  ASSERT_EQ(found.out, std::string("/found/star*x\0", 14));
  EXPECT_EQ(Good({"find", "/found", "-size", "-2"}).out, "/found/star*x\n/found/starYx\n");
  EXPECT_EQ(Good({"find", "/found", "-size", "+1c"}).out, "");
  EXPECT_EQ(Good({"rm", found.out.substr(0, 13)}).out, "Deleted /found/star*x\n");
  EXPECT_EQ(Paths("/found"), "/found/starYx\n");
}

TEST_F(FileShell, ForceForgivesNamesThatAreNotThereButNoPatternWithoutMatch) {
  Good({"rm", "-f", "/never/was"});
  Refused({"rm", "-f", "/never*was"}, "/never*was");
  Refused({"rm", "-f", "/never[1]"}, "/never[1]");
}

TEST_F(FileShell, WildcardsDoNotMatchHiddenNames) {
  Good({"mkdir", "/hidden"});
  Put("/hidden/.h", "1");
  Put("/hidden/v", "2");
  EXPECT_EQ(Good({"ls", "-C", "/hidden/*"}).out, "/hidden/v\n");
  EXPECT_EQ(Good({"ls", "-C", "/hidden/.*"}).out, "/hidden/.h\n");
  EXPECT_EQ(Good({"find", "/hidden", "--name", "*h"}).out, "/hidden/.h\n");
}

TEST_F(FileShell, NamesOfInputsAndIndexesAreNamesFirstToo) {
  Put("/jobs[1]", "right\n");
  Put("/jobs1", "wrong\n");
  const CommandResult ran = cluster_->Mr({"run", "wordcount", "/jobs[1]", "/counted[1]"});
  ASSERT_EQ(ran.exit_code, 0) << ran.Describe();
  EXPECT_EQ(Good({"cat", "/counted\\[1\\]/part-*"}).out, "right\t1\n");
}

TEST_F(FileShell, NamesAreAnyBytes) {
  const std::string name = "caf\xe9 \xff\n\x01";
  const std::string local = cluster_->scratch() + "/" + name;
  ASSERT_TRUE(std::filesystem::create_directories(local));
  std::ofstream(local + "/" + name) << "bytes";
  Good({"mkdir", "/bytes"});
  Good({"put", local, "/bytes"});
  const std::string path = "/bytes/" + name + "/" + name;
  EXPECT_EQ(Good({"cat", path}).out, "bytes");
  EXPECT_EQ(Good({"ls", "-C", "/bytes"}).out, "/bytes/" + name + "\n");
  EXPECT_EQ(Good({"find", "/bytes", "--type", "f", "--print0"}).out, path + '\0');
  Good({"chown", "us\xe9r:gr\xfcp", path});
  EXPECT_EQ(Good({"stat", "%u:%g", path}).out, "us\xe9r:gr\xfcp\n");
  Good({"mv", path, "/bytes/\xe9"});
  Good({"cp", "/bytes/\xe9", "/bytes/\xea"});
  Good({"get", "/bytes/\xea", cluster_->scratch() + "/\xeb"});
  Good({"fsck", "/bytes"});
  EXPECT_THAT(Good({"stat", "--json", "/bytes/\xe9"}).out,
              HasSubstr("\"path\":\"/bytes/\xef\xbf\xbd\",\"path_base64\":\"L2J5dGVzL+k=\""));
  const CommandResult missing = Dfs({"cat", "/bytes/\x1b[31m"});
  EXPECT_THAT(missing.err, HasSubstr("/bytes/\\x1b[31m")) << "errors are read by people";
  EXPECT_EQ(Good({"rm", "-r", "/bytes/\xe9", "/bytes/\xea"}).out,
            "Deleted /bytes/\xe9\nDeleted /bytes/\xea\n");
}

TEST_F(FileShell, JobsHaveNamesParamsAndUsersOfAnyBytes) {
  Put("/in\xe9", "caf\xe9 x\n");
  const auto ran = cluster_->StartCommand({"mr", "run", JobPath("wordcount"), "/in\xe9", "/out\xe9",
                                           "--name", "n\xe9", "--set", "params.p=\xe9", "--json"},
                                          {.env = {{"USER", "us\xe9r"}}});
  const CommandResult result = ran->Finish();
  ASSERT_EQ(result.exit_code, 0) << result.Describe();
  EXPECT_THAT(result.out, HasSubstr("\"state\":\"SUCCEEDED\""));
  EXPECT_EQ(Good({"ls", "-C", "-d", "/out\xe9"}).out, "/out\xe9\n");
  EXPECT_EQ(cluster_->Mr({"list"}).exit_code, 0);
}

TEST_F(FileShell, OutputThatCannotBeWrittenIsOneLineAndAnError) {
  Put("/full", "text\n");
  const std::string bin = BinaryPath("dfs");
  const std::string mr = BinaryPath("mr");
  for (const std::string& command :
       {bin + " ls /", bin + " cat /full", bin + " cat /full /full", bin + " find /",
        bin + " --help", bin + " stat /full", bin + " df", mr + " list", mr + " workers",
        mr + " --help", mr + " --version", mr + " run --help",
        mr + " run --json --overwrite wordcount /full /full_out",
        BinaryPath("quern-search") + " --help", BinaryPath("quern") + " --help",
        BinaryPath("quern-master") + " --help", BinaryPath("quern-task") + " --version"}) {
    SCOPED_TRACE(command);
    const auto full =
        cluster_->StartCommand({"/bin/sh", "-c", "exec " + command + " > /dev/full"})->Finish();
    EXPECT_EQ(full.exit_code, 1) << full.Describe();
    EXPECT_EQ(std::count(full.err.begin(), full.err.end(), '\n'), 1) << full.err;
    EXPECT_THAT(full.err, HasSubstr("No space left on device"));
    const auto closed =
        cluster_->StartCommand({"/bin/sh", "-c", "exec " + command + " >&-"})->Finish();
    EXPECT_EQ(closed.exit_code, 1) << closed.Describe();
    // A reader that has gone away: quiet, as other tools are, also when nobody is signalled.
    const auto gone = cluster_
                          ->StartCommand({"/bin/bash", "-c",
                                          "trap '' PIPE; (" + command + "; echo $? >&2) | true"})
                          ->Finish();
    EXPECT_THAT(gone.err, ::testing::AnyOf("1\n", "0\n")) << gone.Describe();
  }
}

TEST_F(FileShell, FilesPutAsTheContentsOfADirectory) {
  const std::string local = cluster_->scratch() + "/tree";
  ASSERT_TRUE(std::filesystem::create_directories(local + "/sub"));
  std::ofstream(local + "/f") << "f";
  std::ofstream(local + "/sub/g") << "g";
  int i = 0;
  for (const std::string& source : std::vector<std::string>{".", "./", "sub/..", local + "/."}) {
    SCOPED_TRACE(source);
    const std::string target = "/contents" + std::to_string(i++);
    Good({"mkdir", target});
    Good({"put", source, target}, {.cwd = local});
    EXPECT_EQ(Good({"find", target, "--type", "f"}).out, target + "/f\n" + target + "/sub/g\n");
  }
}

TEST_F(FileShell, AFileMovesIntoADirectoryThatIsWrittenWithASlashOnlyWhenItIsThere) {
  Put("/mvs", "a");
  Refused({"mv", "/mvs", "/newplace/"}, "/newplace: no such directory");
  Good({"mkdir", "/newplace"});
  Good({"mv", "/mvs", "/newplace/"});
  EXPECT_EQ(Paths("/newplace"), "/newplace/mvs\n");
  Good({"mv", "/newplace", "/renamed/"});
  EXPECT_EQ(Paths("/renamed"), "/renamed/mvs\n");
}

// Also with -f, which is about what was there before.
TEST_F(FileShell, NoSourceTakesThePlaceOfAnotherOfTheSameCall) {
  const std::string here = cluster_->scratch() + "/same";
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(std::filesystem::create_directories(here + "/" + name));
    std::ofstream(here + "/" + name + "/part") << name;
  }
  ASSERT_TRUE(std::filesystem::create_directory(here + "/got"));
  Good({"mkdir", "/same", "/same/put", "/same/cp", "/same/mv"});
  const std::string a = "/same/a/part";
  const std::string b = "/same/b/part";
  const std::string only_first = "/part goes to /same/";
  Refused({"put", "-f", here + "/a/part", here + "/b/part", "/same/put"}, only_first + "put/");
  EXPECT_EQ(Good({"cat", "/same/put/part"}).out, "a");
  Good({"put", here + "/a", here + "/b", "/same"});
  Refused({"cp", "-f", "/same/[ab]/part", "/same/cp"}, only_first + "cp/");
  EXPECT_EQ(Good({"cat", "/same/cp/part"}).out, "a");
  Refused({"get", "-f", a, b, here + "/got"}, "/same/got/part as well");
  Refused({"mv", "-f", "/same/[ab]/part", "/same/mv"}, only_first + "mv/");
  EXPECT_EQ(Good({"cat", "/same/mv/part", b}).out, "ab");
  Good({"cp", b, b, "/same"});
}

TEST_F(FileShell, NumbersOutOfRangeAreWrongUsage) {
  Put("/numbers", "a");
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"put", "--replication", "4294967297", "-", "/n"},
                                             {"put", "--replication", "0", "-", "/n"},
                                             {"put", "--replication", "50", "-", "/n"},
                                             {"put", "-j", "0", "-", "/n"},
                                             {"setrep", "0", "/numbers"},
                                             {"setrep", "50", "/numbers"},
                                             {"setrep", "4294967297", "/numbers"},
                                             {"tail", "-n", "-1", "/numbers"},
                                             {"head", "-n", "18446744073709551617", "/numbers"}}) {
    SCOPED_TRACE(command[0] + command[1]);
    const CommandResult result = Dfs(command);
    EXPECT_EQ(result.exit_code, 2) << result.Describe();
    EXPECT_THAT(result.err, HasSubstr("is not a whole number from"));
  }
  EXPECT_EQ(Good({"stat", "%r", "/numbers"}).out, "1\n");
}

TEST_F(FileShell, ACopyKeepsReplicationWhenAsked) {
  Good({"put", "--replication", "2", "-", "/two"}, {.stdin_text = "x"});
  Good({"cp", "-p", "/two", "/two_too"});
  EXPECT_EQ(Good({"stat", "%r", "/two_too"}).out, "2\n");
  Good({"cp", "/two", "/one"});
  EXPECT_EQ(Good({"stat", "%r", "/one"}).out, "1\n");
}

// There and back and over: what is private stays that, and what may not be written to is copied all
// the same.
TEST_F(FileShell, CopiesKeepModesAndTimesOfDirectoriesWhenAsked) {
  const std::string here = cluster_->scratch() + "/kept";
  const std::vector<std::pair<std::string, mode_t>> directories = {{"/private/sealed", 0555},
                                                                   {"/private", 0700}};
  std::filesystem::create_directories(here + "/private/sealed");
  std::ofstream(here + "/private/sealed/f") << "x";
  const timespec times[] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  for (const auto& [name, mode] : directories) {
    ASSERT_EQ(chmod((here + name).c_str(), mode), 0);
    ASSERT_EQ(utimensat(AT_FDCWD, (here + name).c_str(), times, 0), 0);
  }
  const std::string kept = "700 2001-09-09 01:46:40\n555 2001-09-09 01:46:40\n";
  const auto in_cluster = [](const std::string& root) {
    return Good({"stat", "%a %y", root, root + "/sealed"}).out;
  };
  Good({"mkdir", "/kept"});
  Good({"put", "-p", here + "/private", "/kept/put"});
  EXPECT_EQ(in_cluster("/kept/put"), kept);
  Good({"cp", "-p", "/kept/put", "/kept/cp"});
  EXPECT_EQ(in_cluster("/kept/cp"), kept);
  EXPECT_EQ(Good({"cat", "/kept/cp/sealed/f"}).out, "x");
  Good({"cp", "-p", "/kept/put", "/kept/new/cp"});
  EXPECT_EQ(Good({"stat", "%a", "/kept/new"}).out, "755\n") << "is no copy";
  Good({"get", "-p", "/kept/cp", here + "/got"});
  for (const auto& [name, mode] : {std::pair{"/got", 0700}, {"/got/sealed", 0555}}) {
    struct stat info = {};
    ASSERT_EQ(stat((here + name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, static_cast<mode_t>(mode)) << name;
    EXPECT_EQ(info.st_mtim.tv_sec, 1'000'000'000) << name;
  }
  for (const char* name : {"/private/sealed", "/got/sealed"}) chmod((here + name).c_str(), 0755);
  // One that is there is somebody's.
  Good({"mkdir", "-p", "/kept/there/put"});
  Good({"cp", "-p", "/kept/put", "/kept/there"});
  EXPECT_EQ(Good({"stat", "%a", "/kept/there/put"}).out, "755\n");
}

TEST_F(FileShell, NobodyToAskIsNotNo) {
  EXPECT_EQ(Dfs({"test", "-e", "/nothing"}).exit_code, 1);
  const CommandResult result = Dfs({"test", "-e", "/nothing", "--master", "127.0.0.1:9"});
  EXPECT_EQ(result.exit_code, 2) << result.Describe();
  EXPECT_THAT(result.err, HasSubstr("127.0.0.1:9"));
}

TEST_F(FileShell, PackLeavesLinksOutAndCountsThemUnlessTheyAreFollowed) {
  const std::string tree = cluster_->scratch() + "/texts";
  std::filesystem::create_directories(tree + "/d");
  std::ofstream(tree + "/d/a") << "text\n";
  std::filesystem::create_symlink("d/a", tree + "/file");
  std::filesystem::create_directory_symlink("d", tree + "/directory");
  const CommandResult put = Good({"put", "--pack", tree, "/packed.jsonl"});
  EXPECT_THAT(put.err, HasSubstr("packed 1 file ("));
  EXPECT_THAT(put.err, HasSubstr("2 links"));
  EXPECT_THAT(Good({"put", "--json", "--pack", tree, "/counted.jsonl"}).out,
              HasSubstr("\"skipped_links\":2"));
  Good({"put", "--pack", "--follow-links", tree, "/followed.jsonl"});
  const std::string lines = Good({"cat", "/followed.jsonl"}).out;
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3) << lines;
  EXPECT_THAT(lines, HasSubstr("texts/directory/a"));
}

TEST_F(FileShell, OverwriteReplacesTheOutputOfAJobAndNothingElse) {
  Good({"mkdir", "/in1"});
  Put("/in1/a", "w\n");
  Put("/in1/b", "precious");
  const auto rejected = [](const std::vector<std::string>& words, const std::string& says) {
    const CommandResult result = cluster_->Mr(words);
    EXPECT_EQ(result.exit_code, 3) << result.Describe();
    EXPECT_THAT(result.err, HasSubstr(says));
  };
  rejected({"run", "wordcount", "/in1/a", "/in1", "--overwrite"}, "a in it is not the output");
  rejected({"run", "wordcount", "/in1/a", "/in1/b", "--overwrite"}, "is a file");
  EXPECT_EQ(Good({"cat", "/in1/b"}).out, "precious");
  ASSERT_EQ(cluster_->Mr({"run", "wordcount", "/in1/a", "//out1/"}).exit_code, 0);
  ASSERT_EQ(cluster_->Mr({"run", "wordcount", "/in1/b", "/out1", "--overwrite"}).exit_code, 0);
  EXPECT_EQ(Good({"cat", "/out1/part-*"}).out, "precious\t1\n");
  rejected({"run", "wordcount", "/out1", "/out1", "--overwrite"}, "holds the input /out1/part-");

  const std::string local = cluster_->scratch() + "/local";
  ASSERT_TRUE(std::filesystem::create_directories(local));
  std::ofstream(local + "/keep") << "x\n";
  rejected({"run", "--local", "wordcount", "file://" + local + "/keep", "file://" + local,
            "--overwrite"},
           "keep in it is not the output");
  EXPECT_TRUE(std::filesystem::exists(local + "/keep"));
}

// The last one: it takes the server away.
TEST_F(FileShell, CtrlCEndsAPutThatWaitsForServersThatAreGone) {
  CommandOptions options{.stdin_pipe = true};
  options.timeout = absl::Seconds(15);  // a writer waits for 30 s and more
  const auto put = cluster_->StartCommand({"dfs", "put", "-", "/cut"}, options);
  // More than a writer holds: some of it is with the server.
  ASSERT_TRUE(put->Feed(std::string(size_t{24} << 20, 'x')));
  cluster_->Kill("chunkserver1");
  put->CloseStdin();
  // The writer has asked what became of its chunk, and asks again until it is told.
  ASSERT_TRUE(cluster_->Eventually(
      [] { return cluster_->log("master").find("seal_blocked") != std::string::npos; }));
  EXPECT_TRUE(put->IsRunning());
  put->Signal(SIGINT);
  EXPECT_EQ(put->Finish().exit_code, 130);
  EXPECT_EQ(Dfs({"test", "-e", "/cut"}).exit_code, 1);
}

}  // namespace
}  // namespace quern::testing
