// What put and get do on this machine: walks, packed texts, targets that are whole or not there.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "client/shell/copy.h"
#include "client/shell/jobs.h"
#include "client/shell/local_tree.h"
#include "client/shell/pack.h"
#include "common/fd.h"
#include "common/thread.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::shell {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void WriteTo(const std::string& path, std::string_view bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string ReadFrom(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteGzip(const std::string& path, std::string_view bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

std::vector<std::string> RelativePaths(const LocalTree& tree) {
  std::vector<std::string> paths;
  for (const LocalEntry& entry : tree.entries) paths.push_back(entry.relative);
  return paths;
}

int pipe_to_write_to = -1;

// Whether that thread of this process waits in the kernel for something that a signal ends.
bool Waits(pid_t thread) {
  const std::string stat = ReadFrom(fmt::format("/proc/self/task/{}/stat", thread));
  const size_t name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat.substr(name_end + 2, 1) == "S";
}

// A read that waits ends with EINTR when the handler of a signal has none of SA_RESTART; what this
// one writes is there for the next try.
TEST(ReadSome, GoesOnAfterASignal) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  pipe_to_write_to = to.get();
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = [](int) {
    [[maybe_unused]] const ssize_t n = write(pipe_to_write_to, "x", 1);
  };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  std::atomic<bool> begins = false;
  std::atomic<bool> has_ended = false;
  const pthread_t reader = pthread_self();
  Thread other("signal", [&begins, &has_ended, reader, reader_id = gettid()] {
    // Once it begins, it waits for nothing but the bytes.
    while (!begins || !(Waits(reader_id) || has_ended)) std::this_thread::yield();
    pthread_kill(reader, SIGUSR1);
  });
  std::string room(4, '\0');
  begins = true;
  const absl::StatusOr<size_t> got = ReadSome(from.get(), "pipe", room);
  has_ended = true;
  other.Join();
  ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);
  ASSERT_OK(got.status());
  EXPECT_EQ(*got, 1u);
  EXPECT_EQ(room[0], 'x');
  to.Reset();
  ASSERT_OK_AND_ASSIGN(const size_t at_end, ReadSome(from.get(), "pipe", room));
  EXPECT_EQ(at_end, 0u);
  EXPECT_THAT(Message(ReadSome(-1, "no file", room).status()), HasSubstr("no file"));
}

TEST(LocalTree, ListsParentsFirstAndNamesInOrder) {
  const TempDir dir;
  for (const char* name : {"/b/2", "/b/1", "/a", "/中 文", "/b.x/0"})
    WriteTo(dir.path() + name, "x");
  ASSERT_OK_AND_ASSIGN(const LocalTree tree, ListLocalTree(dir.path() + "/", {}));
  EXPECT_THAT(RelativePaths(tree),
              ElementsAre("", "a", "b", "b/1", "b/2", "b.x", "b.x/0", "中 文"));
  EXPECT_THAT(tree.skipped, ElementsAre());
}

TEST(LocalTree, LinksAreFollowedOrSkippedAsAskedAndNeverRound) {
  const TempDir dir;
  const TempDir other;
  WriteTo(other / "x/y", "y");
  WriteTo(dir / "d/f", "f");
  std::filesystem::create_symlink(dir / "d/f", dir / "file_link");
  std::filesystem::create_directory_symlink(other.path(), dir / "dir_link");
  std::filesystem::create_directory_symlink(dir.path(), dir / "d/up");
  ASSERT_OK_AND_ASSIGN(const LocalTree files, ListLocalTree(dir.path(), {}));
  EXPECT_THAT(RelativePaths(files), ElementsAre("", "d", "d/f", "file_link"));
  EXPECT_THAT(files.skipped, ElementsAre(HasSubstr("d/up: is a link to a directory"),
                                         HasSubstr("dir_link: is a link to a directory")));
  ASSERT_OK_AND_ASSIGN(const LocalTree none, ListLocalTree(dir.path(), {.links = Links::kSkip}));
  EXPECT_THAT(RelativePaths(none), ElementsAre("", "d", "d/f"));
  EXPECT_THAT(none.skipped, ElementsAre());
  EXPECT_EQ(none.links, 3u);
  ASSERT_OK_AND_ASSIGN(const LocalTree all, ListLocalTree(dir.path(), {.links = Links::kFollow}));
  EXPECT_THAT(RelativePaths(all),
              ElementsAre("", "d", "d/f", "dir_link", "dir_link/x", "dir_link/x/y", "file_link"));
  EXPECT_THAT(all.skipped, ElementsAre(HasSubstr("d/up: is a link to a directory above it")));
}

TEST(LocalTree, APipeIsRefusedWithTheWayToReadIt) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(
      ListLocalTree(dir / "fifo", {}).status(),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Try: dfs put - TARGET <")));
  ASSERT_EQ(mkfifo((dir / "a fifo").c_str(), 0600), 0);
  EXPECT_THAT(ListLocalTree(dir / "a fifo", {}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Try: dfs put - TARGET < '" + dir / "a fifo" + "'")));
}

TEST(LocalTree, LeavesOutWhatIsExcludedAndTellsWhatItCannotCopy) {
  const TempDir dir;
  for (const char* name : {"/keep", "/x.tmp", "/d/y.tmp", "/d/z"}) WriteTo(dir.path() + name, "x");
  std::filesystem::create_directory_symlink(dir.path(), dir / "loop");
  std::filesystem::create_symlink(dir / "keep", dir / "link");
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  ASSERT_OK_AND_ASSIGN(const LocalTree tree, ListLocalTree(dir.path(), {.exclude = {"*.tmp"}}));
  EXPECT_THAT(RelativePaths(tree), ElementsAre("", "d", "d/z", "keep", "link"));
  EXPECT_THAT(tree.skipped, ElementsAre(HasSubstr("is a pipe"), HasSubstr("link to a dir")));
}

TEST(LocalTree, ADirectoryThatCannotBeReadToItsEndIsAnError) {
  const TempDir dir;
  for (const char* name : {"/b", "/a"}) WriteTo(dir.path() + name, "x");
  DIR* directory = opendir(dir.path().c_str());
  ASSERT_NE(directory, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto names, NamesIn(directory));
  EXPECT_THAT(names, ElementsAre("a", "b"));
  // Of a descriptor that is closed the kernel says EBADF.
  rewinddir(directory);
  const int fd = dup(dirfd(directory));
  ASSERT_EQ(close(dirfd(directory)), 0);
  EXPECT_FALSE(NamesIn(directory).ok());
  ASSERT_EQ(dup2(fd, dirfd(directory)), dirfd(directory));
  close(fd);
  closedir(directory);
}

TEST(LocalTree, AMissingRootIsNotFound) {
  EXPECT_THAT(ListLocalTree("/no/such/place", {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/place")));
}

TEST(Pack, TakesTextsAndUnpacksThem) {
  const TempDir dir;
  WriteTo(dir / "plain", "a\n中\"\\");
  WriteGzip(dir / "packed.gz", "packed text");
  WriteTo(dir / "named.gz", "not packed at all");
  WriteTo(dir / "empty", "");
  EXPECT_EQ(ReadText(dir / "plain").text, "a\n中\"\\");
  EXPECT_EQ(ReadText(dir / "packed.gz").text, "packed text");
  EXPECT_EQ(ReadText(dir / "named.gz").text, "not packed at all");
  EXPECT_EQ(ReadText(dir / "empty").verdict, PackVerdict::kText);
  EXPECT_EQ(PackLine("a b", "a\n中\"\\"), "{\"id\":\"a b\",\"text\":\"a\\n中\\\"\\\\\"}\n");
}

TEST(Pack, LeavesOutWhatIsNoText) {
  const TempDir dir;
  WriteTo(dir / "nul", std::string_view("a\0b", 3));
  WriteTo(dir / "latin1", "caf\xe9");
  WriteGzip(dir / "hidden", "packed under a plain name");
  WriteGzip(dir / "cut.gz", std::string(100'000, 'x') + "end");
  std::filesystem::resize_file(dir / "cut.gz", 50);
  WriteTo(dir / "large", std::string(1001, 'x'));
  EXPECT_EQ(ReadText(dir / "nul").verdict, PackVerdict::kBinary);
  EXPECT_EQ(ReadText(dir / "latin1").verdict, PackVerdict::kBinary);
  EXPECT_EQ(ReadText(dir / "hidden").verdict, PackVerdict::kBinary);
  EXPECT_EQ(ReadText(dir / "cut.gz").verdict, PackVerdict::kUnreadable);
  EXPECT_EQ(ReadText(dir / "large", 1000).verdict, PackVerdict::kTooLarge);
  EXPECT_EQ(ReadText(dir / "missing").verdict, PackVerdict::kUnreadable);
}

TEST(LocalTarget, AppearsWholeOrNotAtAll) {
  const TempDir dir;
  {
    ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "f"));
    ASSERT_EQ(write(target.fd(), "half", 4), 4);
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "f"));
  ASSERT_EQ(write(target.fd(), "whole", 5), 5);
  ASSERT_OK(target.Commit());
  EXPECT_EQ(ReadFrom(dir / "f"), "whole");
}

// They are made by several threads at a time, beside other files of the process.
TEST(LocalTarget, HasThePermissionsThatTheMaskOfTheProcessLeaves) {
  const TempDir dir;
  const mode_t before = umask(077);
  RunJobs(2000, 4, [&dir](size_t i) {
    const std::string path = dir / std::to_string(i);
    if (i % 2 == 0) {
      absl::StatusOr<LocalTarget> target = LocalTarget::Create(path);
      ASSERT_OK(target.status());
      ASSERT_OK(target->Commit());
    } else {
      const UniqueFd other(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
      ASSERT_TRUE(other);
    }
  });
  EXPECT_EQ(umask(before), mode_t{077});
  for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
    const auto mode = file.status().permissions();
    ASSERT_EQ(mode, std::filesystem::perms(0600)) << file.path();
  }
}

TEST(LocalTarget, WhatCannotBeClosedIsNotThere) {
  const TempDir dir;
  {
    ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "f"));
    ASSERT_EQ(close(target.fd()), 0);  // the next close of it fails
    const absl::Status status = target.Commit();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.ToString(), HasSubstr(dir / "f"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(LocalTarget, SaysWhatItCannotPreserve) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "f"));
  // Names the file and cannot change it.
  const UniqueFd name_only(open(dir.path().c_str(), O_PATH | O_CLOEXEC));
  ASSERT_EQ(dup2(name_only.get(), target.fd()), target.fd());
  EXPECT_THAT(target.SetAttributes({}).ToString(), HasSubstr("/f: mode"));
  EXPECT_OK(target.Commit());
  EXPECT_TRUE(std::filesystem::exists(dir / "f"));
}

TEST(LocalTarget, ReplacesOnlyWhenAsked) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(LocalTarget late, LocalTarget::Create(dir / "f"));
  WriteTo(dir / "f", "old");
  EXPECT_THAT(late.Commit(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("-f")));
  EXPECT_THAT(LocalTarget::Create(dir / "f").status(),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("-f")));
  EXPECT_EQ(ReadFrom(dir / "f"), "old");
  ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "f", {.replace = true}));
  ASSERT_EQ(write(target.fd(), "new", 3), 3);
  ASSERT_OK(target.Commit());
  EXPECT_EQ(ReadFrom(dir / "f"), "new");
}

TEST(LocalTarget, ALinkStaysAndWhatItNamesIsReplaced) {
  const TempDir dir;
  WriteTo(dir / "d/real", "old");
  std::filesystem::create_symlink("d/real", dir / "link");
  EXPECT_THAT(LocalTarget::Create(dir / "link").status(),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("link")));
  ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "link", {.replace = true}));
  ASSERT_EQ(write(target.fd(), "new", 3), 3);
  ASSERT_OK(target.Commit());
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
  EXPECT_EQ(ReadFrom(dir / "d/real"), "new");
  std::filesystem::create_symlink("nowhere", dir / "dangling");
  EXPECT_THAT(LocalTarget::Create(dir / "dangling", {.replace = true}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("dangling")));
}

TEST(LocalTarget, PipesAndDevicesAreWrittenIntoAndStayWhatTheyAre) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  const UniqueFd reader(open((dir / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(dir / "fifo", {.replace = true}));
  ASSERT_EQ(write(target.fd(), "through", 7), 7);
  ASSERT_OK(target.Commit());
  char bytes[8] = {};
  EXPECT_EQ(read(reader.get(), bytes, sizeof(bytes)), 7);
  EXPECT_STREQ(bytes, "through");
  EXPECT_TRUE(std::filesystem::is_fifo(dir / "fifo"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);

  ASSERT_OK_AND_ASSIGN(LocalTarget null, LocalTarget::Create("/dev/null"));
  ASSERT_OK(null.Commit());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(LocalTarget, AnOpenDescriptorIsWrittenIntoAlsoWhenItIsAFile) {
  const TempDir dir;
  WriteTo(dir / "redirected", "");
  const UniqueFd open_file(open((dir / "redirected").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const std::string name = "/dev/fd/" + std::to_string(open_file.get());
  ASSERT_OK_AND_ASSIGN(LocalTarget target, LocalTarget::Create(name, {.replace = true}));
  ASSERT_EQ(write(target.fd(), "one", 3), 3);
  ASSERT_OK(target.Commit());
  ASSERT_EQ(write(open_file.get(), "two", 3), 3);
  EXPECT_EQ(ReadFrom(dir / "redirected"), "onetwo");
}

TEST(LocalTarget, IsNoDirectory) {
  const TempDir dir;
  EXPECT_THAT(LocalTarget::Create(dir.path(), {.replace = true}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is a directory")));
}

}  // namespace
}  // namespace quern::shell
