#include "mapreduce/coordinator/service/plugin_collector.h"

#include <gtest/gtest.h>

#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {
namespace {

TEST(PluginCollector, RemovesWhatIsOldAndUnused) {
  const absl::Time now = absl::FromUnixSeconds(1'795'000'000);
  FakeFiles files;
  for (const char* name : {"old", "used", "young"}) {
    files.Add(fmt::format("{}/{}.so", kPluginDir, name), "x");
  }
  files.SetTime("/.quern/plugins/old.so", now - kKeepPlugins);
  files.SetTime("/.quern/plugins/used.so", now - kKeepPlugins);
  files.SetTime("/.quern/plugins/young.so", now - kKeepPlugins + absl::Seconds(1));
  ASSERT_TRUE(CollectPlugins({"/.quern/plugins/used.so"}, now, &files).ok());
  EXPECT_FALSE(files.Has("/.quern/plugins/old.so"));
  EXPECT_TRUE(files.Has("/.quern/plugins/used.so"));
  EXPECT_TRUE(files.Has("/.quern/plugins/young.so"));
}

TEST(PluginCollector, IsContentWithoutAnyPlugin) {
  FakeFiles files;
  EXPECT_TRUE(CollectPlugins({}, absl::Now(), &files).ok());
}

}  // namespace
}  // namespace quern::mr
