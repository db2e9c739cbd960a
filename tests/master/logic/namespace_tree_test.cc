// Rules of names, one by one. The whole against a model: namespace_walk_test.cc.
#include "master/logic/namespace_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/master/logic/test_namespace.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr auto kReplaceFile = pb::RenameRequest::REPLACE_FILE;
constexpr auto kReplaceTree = pb::RenameRequest::REPLACE_TREE;

TEST(NamespaceTreeTest, MkdirsMakesParentsOnlyWhenAsked) {
  TestNamespace ns;
  EXPECT_THAT(ns.Mkdirs("/a/b", false), StatusIs(Code::kNotFound, HasSubstr("mkdir -p")));
  EXPECT_THAT(ns.Mkdirs("/a b/c/d", false),
              StatusIs(Code::kNotFound,
                       HasSubstr("directory /a b does not exist. Try: dfs mkdir -p '/a b/c'")));
  EXPECT_OK(ns.Mkdirs("/a/b", true));
  EXPECT_OK(ns.Mkdirs("/a/b", true));
  EXPECT_THAT(ns.Mkdirs("/a/b", false), StatusIs(Code::kAlreadyExists));
  EXPECT_OK(ns.Touch("/a/f"));
  EXPECT_THAT(ns.Mkdirs("/a/f"), StatusIs(Code::kAlreadyExists));
  EXPECT_THAT(ns.Mkdirs("/a/f/x"),
              StatusIs(Code::kFailedPrecondition, HasSubstr("/a/f is a file")));
}

TEST(NamespaceTreeTest, KeepsOwnerModeAndTimes) {
  TestNamespace ns;
  pb::MkdirsRequest request;
  request.set_path("/d");
  request.set_mode(0700);
  request.mutable_header()->set_user("ann");
  request.mutable_header()->set_group("staff");
  ASSERT_OK(ns.Do(ns.tree().Mkdirs(request)));
  ASSERT_OK_AND_ASSIGN(pb::FileStatus status, ns.Stat("/d"));
  EXPECT_EQ(status.owner(), "ann");
  EXPECT_EQ(status.group(), "staff");
  EXPECT_EQ(status.mode(), 0700u);
  EXPECT_EQ(status.mtime_ms(), 1'000);
  ns.now_ms = 2'000;
  ASSERT_OK(ns.Touch("/d/f"));
  ASSERT_OK_AND_ASSIGN(status, ns.Stat("/d"));
  EXPECT_EQ(status.mtime_ms(), 2'000) << "a directory changes with its entries";
  EXPECT_EQ(status.child_count(), 1u);
}

TEST(NamespaceTreeTest, AModeOfNoBitsIsOneAndNoModeIsTheUsualOne) {
  TestNamespace ns;
  pb::MkdirsRequest request;
  request.set_path("/none");
  request.set_mode(0);
  ASSERT_OK(ns.Do(ns.tree().Mkdirs(request)));
  EXPECT_EQ(ns.Stat("/none")->mode(), 0u);
  ASSERT_OK(ns.Mkdirs("/usual"));
  EXPECT_EQ(ns.Stat("/usual")->mode(), 0755u);
  EXPECT_EQ(*ns.Replayed(), *ns.rows());
}

TEST(NamespaceTreeTest, SetAttributesChangesOnlyWhatIsSet) {
  TestNamespace ns;
  ASSERT_OK(ns.Touch("/f"));
  pb::SetAttributesRequest request;
  request.set_path("/f");
  request.set_owner("bob");
  request.set_mtime_ms(77);
  ASSERT_OK(ns.Do(ns.tree().SetAttributes(request)));
  ASSERT_OK_AND_ASSIGN(const pb::FileStatus status, ns.Stat("/f"));
  EXPECT_EQ(status.owner(), "bob");
  EXPECT_EQ(status.mtime_ms(), 77);
  EXPECT_EQ(status.mode(), 0644u);
}

TEST(NamespaceTreeTest, RenameMovesWholeTrees) {
  TestNamespace ns;
  ASSERT_OK(ns.Mkdirs("/a/b/c"));
  ASSERT_OK(ns.Touch("/a/b/f"));
  ASSERT_OK(ns.Mkdirs("/x"));
  ASSERT_OK(ns.Rename("/a/b", "/x/y"));
  EXPECT_THAT(ns.List("/x/y"), ElementsAre("c", "f"));
  EXPECT_TRUE(ns.List("/a").empty());
  EXPECT_THAT(ns.Stat("/a/b"), StatusIs(Code::kNotFound));
}

TEST(NamespaceTreeTest, RenameRefusesToTieKnots) {
  TestNamespace ns;
  ASSERT_OK(ns.Mkdirs("/a/b/c"));
  EXPECT_THAT(ns.Rename("/a", "/a/b/d"),
              StatusIs(Code::kInvalidArgument, HasSubstr("into itself")));
  EXPECT_THAT(ns.Rename("/a", "/a/b/c", kReplaceTree), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ns.Rename("/a/b/c", "/a", kReplaceTree), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ns.Rename("/a/b/c", "/", kReplaceTree), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ns.Rename("/", "/z"), StatusIs(Code::kInvalidArgument));
  EXPECT_OK(ns.Rename("/a/b", "/a/b")) << "onto itself is nothing";
}

TEST(NamespaceTreeTest, SeveralMovesHappenTogetherOrNotAtAll) {
  TestNamespace ns;
  for (const char* path : {"/staged/a", "/staged/b", "/old"}) ASSERT_OK(ns.Mkdirs(path));
  EXPECT_THAT(ns.RenameAll({{"/staged/a", "/new"}, {"/staged/b", "/old"}}),
              StatusIs(Code::kAlreadyExists));
  EXPECT_THAT(ns.RenameAll({{"/staged/a", "/new"}, {"/staged/c", "/newer"}}),
              StatusIs(Code::kNotFound));
  EXPECT_EQ(ns.List("/"), (std::vector<std::string>{"old", "staged"}));
  EXPECT_THAT(ns.RenameAll({}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ns.RenameAll({{"/staged/a", "/staged/b/c"}, {"/staged/b", "/d"}}),
              StatusIs(Code::kInvalidArgument))
      << "one goes into what the other moves";
  ASSERT_OK(ns.RenameAll({{"/staged/a", "/new"}, {"/staged/b", "/old"}}, kReplaceTree));
  EXPECT_EQ(ns.List("/"), (std::vector<std::string>{"new", "old", "staged"}));
  EXPECT_EQ(ns.Stat("/staged")->child_count(), 0u);
}

// /new takes the place of /out, and what of /out is to stay comes over.
TEST(NamespaceTreeTest, ADirectoryIsSwappedAndKeepsSomeOfItsEntries) {
  TestNamespace ns;
  for (const char* path : {"/out/a", "/out/deep/b", "/out/deep/gone", "/out/old", "/new/deep"}) {
    ASSERT_OK(ns.Mkdirs(path));
    ASSERT_OK(ns.Touch(fmt::format("{}/part", path)));
  }
  const uint64_t kept = ns.Stat("/out/deep/b/part")->inode_id();
  const TestNamespace::Moves carried = {{"/out/a", "/new/a"}, {"/out/deep/b", "/new/deep/b"}};
  const auto with = [&](TestNamespace::Moves moves, const std::string& from,
                        const std::string& to) {
    moves.emplace_back(from, to);
    return moves;
  };
  // In another order, or into what is replaced, or out of what is moved, they are not apart.
  for (const TestNamespace::Moves& wrong :
       {TestNamespace::Moves{{"/new", "/out"}, {"/out/a", "/new/a"}},
        with({{"/new/deep", "/out/x"}}, "/new", "/out"), with({{"/out/a", "/z"}}, "/new", "/out"),
        with({{"/new2", "/new/a"}}, "/new", "/out"), with({{"/new", "/out"}}, "/out", "/z"),
        with({{"/out/a", "/out/c"}}, "/new", "/out"), with({{"/out", "/z"}}, "/new", "/out")}) {
    EXPECT_THAT(ns.RenameAll(wrong, kReplaceTree), StatusIs(Code::kInvalidArgument));
  }
  EXPECT_THAT(ns.RenameAll(with(carried, "/new", "/out")), StatusIs(Code::kAlreadyExists));
  EXPECT_EQ(ns.List("/new"), (std::vector<std::string>{"deep"})) << "all or none";
  ASSERT_OK(ns.RenameAll(with(carried, "/new", "/out"), kReplaceTree));
  EXPECT_EQ(ns.List("/"), (std::vector<std::string>{"out"}));
  EXPECT_EQ(ns.List("/out"), (std::vector<std::string>{"a", "deep"}));
  EXPECT_EQ(ns.List("/out/deep"), (std::vector<std::string>{"b", "part"}));
  EXPECT_EQ(ns.Stat("/out/deep")->child_count(), 2u);
  // What the collector takes apart afterwards has nothing of it.
  ns.CollectAll();
  EXPECT_EQ(ns.Stat("/out/deep/b/part")->inode_id(), kept);
  EXPECT_TRUE(ns.Stat("/out/a/part").ok());
  EXPECT_EQ(*ns.Replayed(), *ns.rows());
}

TEST(NamespaceTreeTest, RenameReplacesOnlyWhatItMay) {
  TestNamespace ns;
  ASSERT_OK(ns.Mkdirs("/dir/sub"));
  ASSERT_OK(ns.Mkdirs("/other"));
  ASSERT_OK(ns.Touch("/file"));
  ASSERT_OK(ns.Touch("/old"));
  EXPECT_THAT(ns.Rename("/file", "/old"), StatusIs(Code::kAlreadyExists));
  EXPECT_THAT(ns.Rename("/file", "/dir", kReplaceFile), StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(ns.Rename("/other", "/old", kReplaceFile), StatusIs(Code::kFailedPrecondition));
  EXPECT_OK(ns.Rename("/file", "/old", kReplaceFile));
  EXPECT_OK(ns.Rename("/other", "/dir", kReplaceTree));
  EXPECT_THAT(ns.List("/"), ElementsAre("dir", "old"));
  EXPECT_TRUE(ns.List("/dir").empty()) << "the replaced tree is gone as a whole";
}

TEST(NamespaceTreeTest, DeleteOfADirectoryWithEntriesMustBeMeant) {
  TestNamespace ns;
  ASSERT_OK(ns.Mkdirs("/d/e"));
  EXPECT_THAT(ns.Delete("/d", false), StatusIs(Code::kFailedPrecondition, HasSubstr("rm -r /d")));
  ASSERT_OK(ns.Mkdirs("/it's/e"));
  EXPECT_THAT(ns.Delete("/it's", false),
              StatusIs(Code::kFailedPrecondition, HasSubstr("rm -r '/it'\\''s'")));
  ASSERT_OK_AND_ASSIGN(bool deleted, ns.Delete("/d/e", false));
  EXPECT_TRUE(deleted);
  ASSERT_OK_AND_ASSIGN(deleted, ns.Delete("/d", false));
  EXPECT_TRUE(deleted);
  ASSERT_OK_AND_ASSIGN(deleted, ns.Delete("/d", false));
  EXPECT_FALSE(deleted);
  EXPECT_THAT(ns.Delete("/"), StatusIs(Code::kInvalidArgument));
}

TEST(NamespaceTreeTest, ListsInPagesInByteOrder) {
  TestNamespace ns;
  for (const char* name : {"b", "a", "ab", "a b", "é", "B"}) {
    ASSERT_OK(ns.Touch(std::string("/") + name));
  }
  for (const uint32_t page : {1u, 2u, 5u, 6u, 1000u}) {
    EXPECT_THAT(ns.List("/", page), ElementsAre("B", "a", "a b", "ab", "b", "é")) << page;
  }
}

// What is too long for a message could be listed by nobody.
TEST(NamespaceTreeTest, APageOfAListFitsIntoAMessage) {
  TestNamespace ns;
  constexpr int kFiles = 8'000;
  for (int i = 0; i < kFiles; ++i) {
    pb::CreateRequest create;
    create.set_path("/" + std::to_string(10'000 + i) + std::string(250, 'n'));
    create.set_empty(true);
    create.mutable_header()->set_user(std::string(255, 'u'));
    create.mutable_header()->set_group(std::string(255, 'g'));
    Random random(1);
    ASSERT_OK(ns.Do(ns.files().Create(create, random)));
  }
  pb::ListRequest request;
  request.set_path("/");
  request.set_limit(kMaxListLimit);
  int listed = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const pb::ListResponse page, ns.tree().List(request));
    ASSERT_LT(page.ByteSizeLong(), 5u << 20);
    ASSERT_GT(page.entries_size(), 1000);
    listed += page.entries_size();
    if (!page.more()) break;
    request.set_start_after(page.entries(page.entries_size() - 1).path());
  }
  EXPECT_EQ(listed, kFiles);
}

TEST(NamespaceTreeTest, NamesOfOwnersAreLimited) {
  TestNamespace ns;
  ASSERT_OK(ns.Touch("/f"));
  const std::string too_long(256, 'x');
  pb::SetAttributesRequest request;
  request.set_path("/f");
  request.set_owner(too_long);
  EXPECT_THAT(ns.tree().SetAttributes(request),
              StatusIs(Code::kInvalidArgument, HasSubstr("/f: the name of an owner")));
  request.clear_owner();
  request.set_group(too_long);
  EXPECT_THAT(ns.tree().SetAttributes(request), StatusIs(Code::kInvalidArgument));
  pb::MkdirsRequest mkdirs;
  mkdirs.set_path("/d");
  mkdirs.mutable_header()->set_user(too_long);
  EXPECT_THAT(ns.tree().Mkdirs(mkdirs), StatusIs(Code::kInvalidArgument));
  pb::CreateRequest create;
  create.set_path("/g");
  create.mutable_header()->set_group(too_long);
  Random random(1);
  EXPECT_THAT(ns.files().Create(create, random), StatusIs(Code::kInvalidArgument));
}

// Notes where scans of a table begin.
class ScansOf : public RowReader {
 public:
  ScansOf(Table table, const RowReader* rows) : table_(table), rows_(*rows) {}
  std::optional<std::string> Get(Table table, std::string_view key) const override {
    return rows_.Get(table, key);
  }
  void Scan(Table table, std::string_view from, std::string_view to,
            const Visit& visit) const override {
    if (table == table_) begins.emplace_back(from);
    rows_.Scan(table, from, to, visit);
  }
  absl::Status status() const override { return rows_.status(); }

  mutable std::vector<std::string> begins;

 private:
  const Table table_;
  const RowReader& rows_;
};

// What was taken out lies before the rest as tombstones, in directories of a million files too.
TEST(TreeCollectorTest, GoesOnWhereTheLastStepEnded) {
  TestNamespace ns;
  for (const char* directory : {"/d", "/e"}) {
    ASSERT_OK(ns.Mkdirs(directory));
    for (int i = 0; i < 1000; ++i) ASSERT_OK(ns.Touch(fmt::format("{}/{:04}", directory, i)));
    ASSERT_OK(ns.Delete(directory));
  }
  ScansOf entries(Table::kDentries, &ns.reader());
  ScansOf deleted(Table::kDeleted, &ns.reader());
  TreeCollector collector;
  while (collector.Find(MetadataView(deleted), 10)) {
    while (auto step = collector.Next(MetadataView(entries))) ns.Apply(*step);
  }
  EXPECT_EQ(entries.begins.size(), 2 * (1000 / kCollectStep + 1));
  EXPECT_TRUE(std::ranges::is_sorted(entries.begins, std::less_equal<>()));
  const auto from_the_beginning = std::ranges::count(deleted.begins, InodeKey(InodeId()));
  EXPECT_LE(from_the_beginning, 4) << "of " << deleted.begins.size();
  EXPECT_EQ(ns.view().Meta().file_count(), 0u);
  EXPECT_TRUE(ns.view().Inodes(Table::kDeleted, InodeId(), 1).empty());
}

// Inodes only grow: whoever looked behind the last one alone would never come back.
TEST(TreeCollectorTest, NewDeletionsDoNotKeepAnOldOneWaiting) {
  TestNamespace ns;
  ASSERT_OK(ns.Touch("/old"));
  TreeCollector collector;
  const auto churn = [&](int i) {
    ASSERT_OK(ns.Touch(fmt::format("/new-{}", i)));
    ASSERT_OK(ns.Delete(fmt::format("/new-{}", i)));
    ASSERT_TRUE(collector.Find(ns.view(), 10));
    while (auto step = collector.Next(ns.view())) ns.Apply(*step);
  };
  for (int i = 0; i < 10; ++i) churn(i);
  ASSERT_OK(ns.Delete("/old"));
  for (int i = 10; i < 20; ++i) churn(i);
  EXPECT_EQ(ns.view().Meta().file_count(), 0u);
}

TEST(TreeCollectorTest, BeginsAnewAfterAStepThatWasNotApplied) {
  TestNamespace ns;
  ASSERT_OK(ns.Mkdirs("/d"));
  for (int i = 0; i < 500; ++i) ASSERT_OK(ns.Touch(fmt::format("/d/{}", i)));
  ASSERT_OK(ns.Delete("/d"));
  TreeCollector collector;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(collector.Find(ns.view(), 10));
    ASSERT_TRUE(collector.Next(ns.view()).has_value());
    collector.StartAnew();
  }
  while (collector.Find(ns.view(), 10)) {
    while (auto step = collector.Next(ns.view())) ns.Apply(*step);
  }
  EXPECT_EQ(ns.view().Meta().file_count(), 0u);
  EXPECT_EQ(ns.view().Meta().directory_count(), 1u);
}

TEST(NamespaceTreeTest, SetReplicationIsForFiles) {
  TestNamespace ns;
  ASSERT_OK(ns.Mkdirs("/d"));
  ASSERT_OK(ns.Touch("/f"));
  pb::SetReplicationRequest request;
  request.set_path("/d");
  request.set_replication(2);
  EXPECT_THAT(ns.Do(ns.tree().SetReplication(request)), StatusIs(Code::kFailedPrecondition));
  request.set_path("/f");
  ASSERT_OK(ns.Do(ns.tree().SetReplication(request)));
  EXPECT_EQ(ns.Stat("/f")->replication(), 2u);
  request.set_replication(0);
  EXPECT_THAT(ns.Do(ns.tree().SetReplication(request)), StatusIs(Code::kInvalidArgument));
}

}  // namespace
}  // namespace quern::master
