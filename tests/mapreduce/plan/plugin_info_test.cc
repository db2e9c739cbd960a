// Reads real plugins without loading them, and refuses everything else.
#include "mapreduce/plan/plugin_info.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/storage/file_io.h"
#include "mapreduce/plan/plugin_check.h"
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
