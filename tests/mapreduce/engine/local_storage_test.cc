// Renames on this machine: what they replace is not lost when they fail.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/storage/file_io.h"
#include "mapreduce/engine/storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

class LocalStorageTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return "file://" + dir_ / name; }
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(dir_ / name);
    std::ofstream(dir_ / name + "/part") << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(dir_ / name + "/part");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> Names() const { return *FileSystem::Real()->List(dir_.path()); }

  using Strings = std::vector<std::string>;
  const TempDir dir_;
  const std::unique_ptr<Storage> storage_ = MakeLocalStorage();
};

TEST_F(LocalStorageTest, ARenameReplacesATreeOrRefuses) {
  Write("new", "new");
  Write("out", "old");
  EXPECT_EQ(storage_->Rename(Path("new"), Path("out"), false).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Read("out"), "old");
  EXPECT_OK(storage_->Rename(Path("new"), Path("out"), true));
  EXPECT_EQ(Read("out"), "new");
  EXPECT_EQ(Names(), Strings{"out"});
}

TEST_F(LocalStorageTest, ARenameThatFailsLeavesTheOldTree) {
  Write("out", "old");
  EXPECT_EQ(storage_->Rename(Path("none"), Path("out"), true).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Read("out"), "old");
  EXPECT_EQ(Names(), Strings{"out"});
}

TEST_F(LocalStorageTest, WhenOneOfSeveralFailsAllIsAsBefore) {
  Write("new1", "new 1");
  Write("out1", "old 1");
  Write("out2", "old 2");
  const auto status =
      storage_->RenameAll({{Path("new1"), Path("out1")}, {Path("none"), Path("out2")}}, true);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Read("new1"), "new 1");
  EXPECT_EQ(Read("out1"), "old 1");
  EXPECT_EQ(Read("out2"), "old 2");
  EXPECT_EQ(Names(), (Strings{"new1", "out1", "out2"}));
}

}  // namespace
}  // namespace quern::mr
