#include "common/storage/file_io.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "common/storage/identity_marker.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FileIoTest : public RandomTest {
 protected:
  FileSystem* const fs_ = FileSystem::Real();
  TempDir dir_;
  const std::string path_ = dir_ / "a";
};

TEST_F(FileIoTest, OpenOptionsMeanWhatTheySay) {
  EXPECT_THAT(fs_->Open(path_, {}), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  EXPECT_THAT(fs_->Open(path_, {.write = true}), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(auto file, fs_->Open(path_, {.create = true, .exclusive = true}));
  ASSERT_OK(file->Pwrite("abc", 0));
  EXPECT_THAT(fs_->Open(path_, {.create = true, .exclusive = true}),
              StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(auto reader, fs_->Open(path_, {}));
  EXPECT_FALSE(reader->Pwrite("x", 0).ok());
  ASSERT_OK(fs_->Open(path_, {.write = true, .truncate = true}));
  EXPECT_EQ(*file->Size(), 0u);
}

TEST_F(FileIoTest, ScatteredWritesReadBackAsOne) {
  ASSERT_OK_AND_ASSIGN(const auto file, fs_->Open(path_, {.create = true}));
  // More parts than one system call takes, empty ones among them.
  std::string whole;
  std::vector<std::string> pieces;
  for (int i = 0; i < 3000; ++i) pieces.push_back(RandomBytes(Below(20)));
  std::vector<iovec> parts;
  for (std::string& piece : pieces) {
    parts.push_back({piece.data(), piece.size()});
    whole += piece;
  }
  ASSERT_OK(file->Pwritev(parts, 7));
  std::string read(whole.size() + 100, '\0');
  ASSERT_OK_AND_ASSIGN(const size_t n, file->Pread(7, read.size(), read.data()));
  EXPECT_EQ(n, whole.size());
  EXPECT_EQ(read.substr(0, n), whole);
  EXPECT_EQ(*file->Pread(1'000'000, 10, read.data()), 0u);
}

TEST_F(FileIoTest, ShortWritesAreContinuedUntilTheErrorShows) {
  ASSERT_OK_AND_ASSIGN(const auto file, fs_->Open(path_, {.create = true}));
  // The kernel writes up to the limit, reports a short write, and fails the next one.
  rlimit old_limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  auto* const old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = 1000, .rlim_max = old_limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const absl::Status status = file->Pwrite(std::string(1500, 'x'), 0);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(Message(status)), HasSubstr(path_));
  EXPECT_EQ(*file->Size(), 1000u);
}

TEST_F(FileIoTest, ReserveTakesSpaceAndKeepsTheSize) {
  ASSERT_OK_AND_ASSIGN(const auto file, fs_->Open(path_, {.create = true}));
  ASSERT_OK(file->Reserve(1 << 20));
  EXPECT_EQ(*file->Size(), 0u);
  ASSERT_OK(file->Pwrite("abc", 0));
  ASSERT_OK(file->StartWriteback(0, 3));
  ASSERT_OK(file->Truncate(2));
  ASSERT_OK(file->Datasync());
  EXPECT_EQ(*ReadFileToString(fs_, path_), "ab");
}

TEST_F(FileIoTest, WhereNoDirectoryCanBeMadeThereIsAnError) {
  const std::string link = dir_ / "link";
  ASSERT_EQ(symlink((dir_ / "nowhere/dir").c_str(), link.c_str()), 0);
  EXPECT_THAT(fs_->MakeDirs(link), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(fs_->MakeDirs(link + "/x/y"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(fs_->MakeDirs("/proc/x"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(fs_->MakeDirs("/proc/x/y"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(FileIoTest, WriteFileDurablyReplacesAndLeavesNothingBehind) {
  ASSERT_OK(WriteFileDurably(fs_, path_, "one"));
  ASSERT_OK(WriteFileDurably(fs_, path_, "two"));
  EXPECT_EQ(*ReadFileToString(fs_, path_), "two");
  EXPECT_THAT(*fs_->List(dir_.path()), ElementsAre("a"));
}

TEST_F(FileIoTest, DirectoriesAreMadeListedAndRemoved) {
  const std::string deep = dir_ / "x/y/z";
  ASSERT_OK(fs_->MakeDirs(deep));
  ASSERT_OK(fs_->MakeDirs(deep + "/"));
  ASSERT_OK(WriteFileDurably(fs_, deep + "/b", ""));
  ASSERT_OK(WriteFileDurably(fs_, deep + "/文件 1", ""));
  EXPECT_THAT(*fs_->List(deep), ElementsAre("b", "文件 1"));
  EXPECT_THAT(fs_->MakeDirs(deep + "/b"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_FALSE(fs_->MakeDirs(deep + "/b/c").ok());
  ASSERT_OK(fs_->RemoveTree(dir_ / "x"));
  ASSERT_OK(fs_->RemoveTree(dir_ / "x"));
  EXPECT_FALSE(fs_->Exists(deep));
  EXPECT_THAT(fs_->List(deep), StatusIs(absl::StatusCode::kNotFound, HasSubstr(deep)));
}

TEST_F(FileIoTest, LookingAroundNeverFails) {
  ASSERT_OK(WriteFileDurably(fs_, dir_ / "b", "1"));
  ASSERT_OK(WriteFileDurably(fs_, dir_ / "a", "1"));
  EXPECT_THAT(ReadableNames(dir_.path()), ElementsAre("a", "b"));
  EXPECT_TRUE(IsRegularFile(dir_ / "a"));
  EXPECT_TRUE(IsDirectory(dir_.path()));
  // A link to itself is an error of the look, not only nothing there.
  ASSERT_EQ(symlink("loop", (dir_ / "loop").c_str()), 0);
  for (const std::string& path : {dir_ / "loop", dir_ / "none", dir_ / "a/b"}) {
    EXPECT_THAT(ReadableNames(path), ElementsAre()) << path;
    EXPECT_FALSE(IsRegularFile(path)) << path;
    EXPECT_FALSE(IsDirectory(path)) << path;
  }
}

TEST_F(FileIoTest, ReadsFilesWhoseSizeIsUnknown) {
  EXPECT_THAT(*ReadFileToString(fs_, "/proc/self/status"), HasSubstr("common_test"));
}

TEST_F(FileIoTest, SpaceIsOfTheDiskBeneath) {
  ASSERT_OK_AND_ASSIGN(const DiskSpace space, fs_->Space(dir_.path()));
  EXPECT_GT(space.capacity_bytes, 0u);
  EXPECT_LE(space.free_bytes, space.capacity_bytes);
  EXPECT_THAT(fs_->Space(dir_ / "none"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(FileIoTest, ParentDirOfAnyPath) {
  EXPECT_EQ(ParentDir("/a/b"), "/a");
  EXPECT_EQ(ParentDir("/a"), "/");
  EXPECT_EQ(ParentDir("a"), ".");
}

class IdentityMarkerTest : public FileIoTest {};

TEST_F(IdentityMarkerTest, ComesBackAsItWasWritten) {
  EXPECT_THAT(ReadIdentityMarker(fs_, dir_.path()), StatusIs(absl::StatusCode::kNotFound));
  for (const IdentityMarker& marker : {IdentityMarker{"master", "7f3a", "1", UINT64_MAX},
                                       IdentityMarker{"chunkserver-disk", "", "", 0}}) {
    ASSERT_OK(WriteIdentityMarker(fs_, dir_.path(), marker));
    ASSERT_OK_AND_ASSIGN(const IdentityMarker read, ReadIdentityMarker(fs_, dir_.path()));
    EXPECT_EQ(read.role, marker.role);
    EXPECT_EQ(read.cluster_id, marker.cluster_id);
    EXPECT_EQ(read.id, marker.id);
    EXPECT_EQ(read.sequence, marker.sequence);
  }
  EXPECT_THAT(WriteIdentityMarker(fs_, dir_.path(), {.role = "a b"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(IdentityMarkerTest, EveryDamageIsNoticed) {
  const std::string path = dir_ / "IDENTITY";
  ASSERT_OK(WriteIdentityMarker(fs_, dir_.path(), {"master", "7f3a", "1", 12}));
  const std::string good = *ReadFileToString(fs_, path);
  for (size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    std::ofstream(path) << bad;  // no fsync: there are hundreds
    EXPECT_THAT(ReadIdentityMarker(fs_, dir_.path()), StatusIs(absl::StatusCode::kDataLoss)) << bad;
  }
  for (size_t n = 0; n < good.size(); ++n) {
    std::ofstream(path) << good.substr(0, n);
    EXPECT_THAT(ReadIdentityMarker(fs_, dir_.path()), StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace quern
