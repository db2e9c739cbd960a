// Reads real plugins without loading them, and refuses everything else.
#include "mapreduce/plan/plugin_info.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/storage/file_io.h"
#include "mapreduce/plan/plugin_check.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

std::string JobPath(const std::string& name) {
  return std::string(std::getenv("QUERN_JOBS")) + "/lib" + name + ".so";
}

TEST(PluginInfoTest, ListsTheClassesOfAPlugin) {
  ASSERT_OK_AND_ASSIGN(const PluginInfo info, ReadPlugin(JobPath("wordcount")));
  const std::vector<PluginInfo::Class> want = {{ClassKind::kMapper, "WordCountMapper"},
                                               {ClassKind::kFold, "SumOf"}};
  EXPECT_EQ(info.classes, want);
  EXPECT_EQ(info.hash.size(), 32u);
  EXPECT_OK(CheckHasClass(info, ClassKind::kMapper, "WordCountMapper"));
  EXPECT_THAT(CheckHasClass(info, ClassKind::kMapper, "WordCountMaper"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("WordCountMapper")));
  EXPECT_THAT(CheckHasClass(info, ClassKind::kPartitioner, "P"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
  EXPECT_EQ(*OnlyClass(info, ClassKind::kFold), "SumOf");
  EXPECT_THAT(OnlyClass(info, ClassKind::kPartitioner), StatusIs(absl::StatusCode::kNotFound));
}

TEST(PluginInfoTest, AFoldIsReducerAndCombiner) {
  PluginInfo plugin;
  plugin.classes = {
      {ClassKind::kMapper, "M"}, {ClassKind::kFold, "F"}, {ClassKind::kCombiner, "C"}};
  pb::JobSpec spec;
  spec.add_inputs();
  spec.mutable_reduce()->set_partitioner("hash");
  ASSERT_OK(ResolveClasses(plugin, &spec));
  EXPECT_FALSE(spec.reduce().has_tasks()) << "not a map-only job";
  EXPECT_EQ(spec.reduce().reducer(), "F");
  EXPECT_EQ(spec.reduce().combiner(), "F");
  ASSERT_OK(ResolveClasses(plugin, &spec)) << "as the coordinator does once more";
  spec.mutable_reduce()->set_combiner("C");
  EXPECT_THAT(ResolveClasses(plugin, &spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("combines itself")));
}

TEST(PluginInfoTest, OfSeveralClassesSaysHowToNameOne) {
  PluginInfo plugin;
  plugin.classes = {{ClassKind::kMapper, "A"},
                    {ClassKind::kMapper, "B"},
                    {ClassKind::kFold, "F"},
                    {ClassKind::kFold, "G"}};
  pb::JobSpec spec;
  spec.add_inputs();
  EXPECT_EQ(Message(ResolveClasses(plugin, &spec)),
            "the plugin has several mappers: A, B. Try: --mapper A");
  spec.mutable_inputs(0)->set_mapper("B");
  EXPECT_EQ(Message(ResolveClasses(plugin, &spec)),
            "the plugin has several folds: F, G. Try: --reducer F");
  spec.mutable_reduce()->set_reducer("G");
  spec.mutable_reduce()->set_partitioner("hash");
  ASSERT_OK(ResolveClasses(plugin, &spec));
  EXPECT_EQ(spec.reduce().combiner(), "G");
}

TEST(PluginInfoTest, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(ReadPlugin("/no/such.so"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ParsePlugin("p", "#!/bin/sh\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not an ELF")));
  EXPECT_THAT(ParsePlugin("p", ""), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const std::string self,
                       ReadFileToString(FileSystem::Real(), "/usr/bin/true"));
  EXPECT_THAT(ParsePlugin("p", self), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PluginInfoTest, RefusesAnOlderApiInOneLine) {
  ASSERT_OK_AND_ASSIGN(std::string bytes,
                       ReadFileToString(FileSystem::Real(), JobPath("wordcount")));
  // {u32 api version, u32 kind, name} behind the note's owner.
  const std::string owner("Quern\0\0\0", 8);
  for (size_t at = bytes.find(owner); at != std::string::npos; at = bytes.find(owner, at + 1)) {
    if (bytes.compare(at + 8, 4, std::string("\2\0\0\0", 4)) == 0) bytes[at + 8] = 1;
  }
  EXPECT_EQ(Message(ParsePlugin("libold.so", bytes).status()),
            "libold.so: built for API version 1, this Quern has 2. Try: build it again");
}

// What is known of a plugin says nothing about whether tasks can still load it.
TEST(PluginCheckerTest, RefusesAPluginThatIsGoneHoweverWellItIsKnown) {
  quern::testing::FakeDfs fake({.servers = 3, .chunk_size = 1 << 20});
  const auto dfs = client::FileSystem::Create({.masters = {fake.master_address()}});
  ASSERT_OK_AND_ASSIGN(const std::string bytes,
                       ReadFileToString(FileSystem::Real(), JobPath("wordcount")));
  ASSERT_OK_AND_ASSIGN(auto writer, dfs->Create("/wordcount.so"));
  ASSERT_OK(writer->Append(bytes));
  ASSERT_OK(writer->Close().status());
  ASSERT_OK_AND_ASSIGN(const PluginInfo info, ParsePlugin("wordcount", bytes));
  PluginChecker checker(dfs.get());
  pb::JobSpec::Plugin plugin;
  plugin.set_path("/wordcount.so");
  plugin.set_hash(info.hash);
  plugin.set_size_bytes(bytes.size());
  for (int time = 0; time < 2; ++time) EXPECT_OK(checker.Check(plugin).status());
  pb::JobSpec spec;
  spec.add_files()->set_name("words");
  *spec.mutable_files(0)->mutable_file() = plugin;
  EXPECT_OK(CheckSideFiles(dfs.get(), spec));
  spec.mutable_files(0)->mutable_file()->set_size_bytes(7);
  EXPECT_THAT(CheckSideFiles(dfs.get(), spec),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the job says 7")));
  plugin.set_path("/gone.so");
  EXPECT_THAT(checker.Check(plugin).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("plugin: /gone.so: is not there")));
  *spec.mutable_files(0)->mutable_file() = plugin;
  EXPECT_THAT(CheckSideFiles(dfs.get(), spec),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("words: /gone.so: is not there")));
  EXPECT_THAT(std::string(Message(CheckSideFiles(dfs.get(), spec))),
              ::testing::EndsWith("Try: put it there again"))
      << "nobody else does";
  plugin.set_path("/.quern/plugins/gone.so");
  EXPECT_THAT(std::string(Message(checker.Check(plugin).status())),
              ::testing::EndsWith("Try: mr run, which brings it along"));
}

using PluginDamageTest = RandomTest;

TEST_F(PluginDamageTest, NeverReadsBeyondTheFileAndNoticesEveryCut) {
  ASSERT_OK_AND_ASSIGN(const std::string good,
                       ReadFileToString(FileSystem::Real(), JobPath("wordcount")));
  for (int round = 0; round < 200; ++round) {
    const std::string cut = good.substr(0, Below(good.size()));
    EXPECT_THAT(ParsePlugin("p", cut), StatusIs(absl::StatusCode::kInvalidArgument)) << cut.size();
    std::string noise = good.substr(0, 4096);
    for (int i = 0; i < 20; ++i) noise[4 + Below(noise.size() - 4)] = static_cast<char>(Below(256));
    ParsePlugin("p", noise).status().IgnoreError();
  }
}

}  // namespace
}  // namespace quern::mr
