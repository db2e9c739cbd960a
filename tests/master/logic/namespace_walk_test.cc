// A random walk over a small namespace beside a model that is nothing but a map from paths to
// entries. Every answer must be the model's; at any moment the rows must be what the log gives.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/master/logic/test_namespace.h"
#include "tests/support/random_test.h"

namespace quern::master {
namespace {

using Code = absl::StatusCode;

// The model: absolute path -> 0 for a directory, else the inode of the file.
class Model {
 public:
  bool Exists(const std::string& path) const { return path == "/" || entries_.contains(path); }
  bool IsDirectory(const std::string& path) const {
    return path == "/" || (entries_.contains(path) && entries_.at(path) == 0);
  }
  static std::string Parent(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }
  static bool Inside(const std::string& path, const std::string& directory) {
    return directory == "/" || path == directory || path.starts_with(directory + "/");
  }
  // True when a proper prefix of the path is a file.
  bool LeadsThroughFile(const std::string& path) const {
    for (std::string p = Parent(path); p != "/"; p = Parent(p)) {
      if (entries_.contains(p) && entries_.at(p) != 0) return true;
    }
    return false;
  }
  bool HasEntries(const std::string& path) const {
    const auto next = entries_.upper_bound(path + "/");
    return next != entries_.end() && Inside(next->first, path);
  }
  std::vector<std::string> Names(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& [path, inode] : entries_) {
      if (Parent(path) == directory) names.push_back(path.substr(path.rfind('/') + 1));
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void Put(const std::string& path, uint64_t inode) { entries_[path] = inode; }
  void MakeDirectories(const std::string& path) {
    if (path == "/") return;
    MakeDirectories(Parent(path));
    entries_.try_emplace(path, 0);
  }
  void Remove(const std::string& path) {
    std::erase_if(entries_, [&](const auto& entry) { return Inside(entry.first, path); });
  }
  void Move(const std::string& source, const std::string& target) {
    std::map<std::string, uint64_t> moved;
    for (const auto& [path, inode] : entries_) {
      if (Inside(path, source)) moved[target + path.substr(source.size())] = inode;
    }
    Remove(source);
    Remove(target);
    entries_.merge(moved);
  }
  const std::map<std::string, uint64_t>& entries() const { return entries_; }

 private:
  std::map<std::string, uint64_t> entries_;
};

class NamespaceWalkTest : public RandomTest {
 protected:
  std::string RandomPath() {
    static const std::vector<std::string> kNames = {"a", "b", "c d", "é"};
    std::string path;
    for (uint64_t depth = 1 + Below(3); depth > 0; --depth) path += "/" + kNames[Below(4)];
    return path;
  }

  void Mkdirs() {
    const std::string path = RandomPath();
    const bool parents = OneIn(2);
    const absl::Status status = ns_.Mkdirs(path, parents);
    if (model_.LeadsThroughFile(path)) {
      EXPECT_EQ(status.code(), Code::kFailedPrecondition) << path;
    } else if (model_.Exists(path) && !(parents && model_.IsDirectory(path))) {
      EXPECT_EQ(status.code(), Code::kAlreadyExists) << path;
    } else if (!parents && !model_.Exists(Model::Parent(path))) {
      EXPECT_EQ(status.code(), Code::kNotFound) << path;
    } else {
      EXPECT_TRUE(status.ok()) << path << ": " << status;
      model_.MakeDirectories(path);
    }
  }

  // What creating or completing a file at `path` must answer.
  Code ExpectedForFile(const std::string& path, bool overwrite) const {
    if (model_.LeadsThroughFile(path)) return Code::kFailedPrecondition;
    if (model_.IsDirectory(path)) return Code::kFailedPrecondition;
    if (model_.Exists(path) && !overwrite) return Code::kAlreadyExists;
    if (!model_.Exists(Model::Parent(path))) return Code::kNotFound;
    return Code::kOk;
  }

  void Touch() {
    const std::string path = RandomPath();
    const bool overwrite = OneIn(2);
    const Code expected = ExpectedForFile(path, overwrite);
    const absl::Status status = ns_.Touch(path, overwrite);
    EXPECT_EQ(status.code(), expected) << path << ": " << status;
    if (status.ok()) model_.Put(path, ns_.Stat(path)->inode_id());
  }

  void Create() {
    const std::string path = RandomPath();
    const bool overwrite = OneIn(2);
    const auto file = ns_.Create(path, overwrite);
    EXPECT_EQ(file.status().code(), ExpectedForFile(path, overwrite)) << path;
    if (file.ok()) {
      open_.push_back({*file, overwrite, ns_.Stat(Model::Parent(path))->inode_id(),
                       path.substr(path.rfind('/') + 1)});
    }
  }

  // Where the directory with this inode is now; empty: deleted.
  std::string PathOf(uint64_t directory) const {
    if (directory == kRootInode.value()) return "/";
    for (const auto& [path, inode] : model_.entries()) {
      if (inode == 0 && ns_.Stat(path)->inode_id() == directory) return path;
    }
    return "";
  }

  void Complete() {
    if (open_.empty()) return;
    const size_t i = Below(open_.size());
    const OpenFile file = open_[i];
    const std::string directory = PathOf(file.directory);
    const absl::Status status = ns_.Complete(file.response);
    // A file that cannot be completed stays open: its writer may try again or abandon it.
    if (status.ok()) open_.erase(open_.begin() + static_cast<ptrdiff_t>(i));
    if (directory.empty()) {
      EXPECT_EQ(status.code(), Code::kNotFound) << status;
      return;
    }
    const std::string path = (directory == "/" ? "" : directory) + "/" + file.name;
    EXPECT_EQ(status.code(), ExpectedForFile(path, file.overwrite)) << path << ": " << status;
    if (status.ok()) model_.Put(path, file.response.inode_id());
  }

  Code ExpectedForRename(const std::string& source, const std::string& target,
                         pb::RenameRequest::Replace replace) const {
    if (model_.LeadsThroughFile(source)) return Code::kFailedPrecondition;
    if (!model_.Exists(source)) return Code::kNotFound;
    if (model_.LeadsThroughFile(target)) return Code::kFailedPrecondition;
    if (!model_.Exists(Model::Parent(target))) return Code::kNotFound;
    if (source == target) return Code::kOk;
    if (Model::Inside(target, source)) return Code::kInvalidArgument;
    if (!model_.Exists(target)) return Code::kOk;
    if (Model::Inside(source, target)) return Code::kInvalidArgument;
    if (replace == pb::RenameRequest::REPLACE_NOTHING) return Code::kAlreadyExists;
    if (replace == pb::RenameRequest::REPLACE_TREE) return Code::kOk;
    return model_.IsDirectory(source) || model_.IsDirectory(target) ? Code::kFailedPrecondition
                                                                    : Code::kOk;
  }

  void Rename() {
    const std::string source = RandomPath();
    const std::string target = RandomPath();
    const auto replace = static_cast<pb::RenameRequest::Replace>(Below(3));
    const Code expected = ExpectedForRename(source, target, replace);
    const absl::Status status = ns_.Rename(source, target, replace);
    EXPECT_EQ(status.code(), expected) << source << " -> " << target << ": " << status;
    if (status.ok() && source != target) model_.Move(source, target);
  }

  // Two moves at once: what each answers alone, and neither is made unless both are. The first may
  // bring something from what the second replaces into what that moves.
  void RenameBoth() {
    std::string paths[] = {RandomPath(), RandomPath(), RandomPath(), RandomPath()};
    if (OneIn(3)) {
      paths[0] = paths[3] + RandomPath();
      paths[1] = paths[2] + RandomPath();
    }
    const auto replace = static_cast<pb::RenameRequest::Replace>(Below(3));
    const auto below = [](const std::string& path, const std::string& directory) {
      return path != directory && Model::Inside(path, directory);
    };
    const bool is_carried = below(paths[0], paths[3]) && below(paths[1], paths[2]);
    bool apart = true;
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        apart &= i == j || !Model::Inside(paths[i], paths[j]) || (is_carried && i < 2 && j > 1);
      }
    }
    const Code first = ExpectedForRename(paths[0], paths[1], replace);
    const Code second = ExpectedForRename(paths[2], paths[3], replace);
    const Code expected = !apart ? Code::kInvalidArgument : first != Code::kOk ? first : second;
    const absl::Status status =
        ns_.RenameAll({{paths[0], paths[1]}, {paths[2], paths[3]}}, replace);
    EXPECT_EQ(status.code(), expected)
        << fmt::format("{}", fmt::join(paths, " ")) << ": " << status;
    if (!status.ok()) return;
    model_.Move(paths[0], paths[1]);
    model_.Move(paths[2], paths[3]);
  }

  void Delete() {
    const std::string path = RandomPath();
    const bool recursive = OneIn(2);
    const auto deleted = ns_.Delete(path, recursive);
    if (model_.LeadsThroughFile(path)) {
      EXPECT_EQ(deleted.status().code(), Code::kFailedPrecondition);
    } else if (model_.IsDirectory(path) && model_.HasEntries(path) && !recursive) {
      EXPECT_EQ(deleted.status().code(), Code::kFailedPrecondition) << path;
    } else {
      ASSERT_TRUE(deleted.ok()) << path << ": " << deleted.status();
      EXPECT_EQ(*deleted, model_.Exists(path)) << path;
      model_.Remove(path);
    }
  }

  void CompareTree(const std::string& directory) {
    const std::vector<std::string> names = model_.Names(directory);
    EXPECT_EQ(ns_.List(directory, 1 + static_cast<uint32_t>(Below(5))), names) << directory;
    EXPECT_EQ(ns_.Stat(directory)->child_count(), names.size()) << directory;
    for (const std::string& name : names) {
      const std::string path = (directory == "/" ? "" : directory) + "/" + name;
      if (model_.IsDirectory(path)) {
        CompareTree(path);
      } else {
        EXPECT_EQ(ns_.Stat(path)->inode_id(), model_.entries().at(path)) << path;
      }
    }
  }

  void Step() {
    switch (Below(9)) {
      case 0:
      case 1:
        return Mkdirs();
      case 2:
        return Touch();
      case 3:
        return Create();
      case 4:
        return Complete();
      case 5:
        return Rename();
      case 6:
        return Delete();
      case 7:
        return RenameBoth();
      default:
        if (OneIn(3)) ns_.CollectAll();
        if (OneIn(3)) ns_.Flush();
    }
  }

  struct OpenFile {
    pb::CreateResponse response;
    bool overwrite;
    uint64_t directory;
    std::string name;
  };
  TestNamespace ns_;
  Model model_;
  std::vector<OpenFile> open_;
};

TEST_F(NamespaceWalkTest, AgreesWithAMapOfPaths) {
  for (int step = 0; step < 3000 && !HasFailure(); ++step) {
    Step();
    if (step % 50 == 0) CompareTree("/");
  }
  CompareTree("/");
}

TEST_F(NamespaceWalkTest, TheLogAloneGivesTheSameRows) {
  for (int step = 0; step < 600 && !HasFailure(); ++step) {
    Step();
    if (step % 60 == 0) {
      EXPECT_EQ(*ns_.Replayed(), *ns_.rows());
    }
  }
  EXPECT_EQ(*ns_.Replayed(), *ns_.rows());
}

TEST_F(NamespaceWalkTest, CollectionLeavesNothingOfWhatWasDeleted) {
  for (int step = 0; step < 1000 && !HasFailure(); ++step) Step();
  for (const auto& file : open_) {
    pb::AbandonRequest request;
    request.set_inode_id(file.response.inode_id());
    request.set_writer_token(file.response.writer_token());
    EXPECT_TRUE(ns_.Do(ns_.files().Abandon(request)).ok());
  }
  for (const std::string& name : model_.Names("/")) EXPECT_TRUE(ns_.Delete("/" + name).ok());
  ns_.CollectAll();
  const auto rows = ns_.rows();
  const auto count = [&](Table table) { return (*rows)[static_cast<size_t>(table)].size(); };
  EXPECT_EQ(count(Table::kInodes), 1u) << "the root";
  for (const Table table : {Table::kDentries, Table::kDeleted, Table::kOpenFiles}) {
    EXPECT_EQ(count(table), 0u) << TableName(table);
  }
  EXPECT_EQ(ns_.view().Meta().file_count(), 0u);
  EXPECT_EQ(ns_.view().Meta().directory_count(), 1u);
}

}  // namespace
}  // namespace quern::master
