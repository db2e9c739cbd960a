#include "mapreduce/worker/plugin_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/hash.h"
#include "common/storage/file_io.h"
#include "tests/support/hanging_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

class CountingFileSystem final : public HangingFileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             const OpenOptions& options) override {
    ++opened;
    return HangingFileSystem::Open(path, options);
  }

  int opened = 0;
};

class PluginCacheTest : public testing::Test {
 protected:
  pb::JobSpec::Plugin Plugin(const std::string& bytes) {
    pb::JobSpec::Plugin plugin;
    plugin.set_path(bytes);
    plugin.set_hash(HashBytes128(bytes).ToString());
    plugin.set_size_bytes(bytes.size());
    return plugin;
  }
  // The file system has under each path just that text.
  PluginCache NewCache() {
    const auto fetch = [this](const std::string& path, const auto& sink) {
      ++fetches_;
      const absl::Status taken = sink(path);
      return taken.ok() ? fetching_ : taken;
    };
    return PluginCache(dir_.path(), fetch, &files_);
  }
  // Nobody uses it any more.
  static absl::StatusOr<std::string> PathIn(PluginCache* cache, const pb::JobSpec::Plugin& plugin) {
    ASSIGN_OR_RETURN(const PluginCache::Copy copy, cache->Get(plugin));
    return *copy;
  }
  // As only a disk can, or root: a copy is there to be read.
  static void Damage(const std::string& path, const std::string& bytes) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
    std::ofstream(path, std::ios::trunc) << bytes;
  }
  std::string Read(const std::string& path) {
    return ReadFileToString(FileSystem::Real(), path).value_or("(none)");
  }

  const TempDir dir_;
  int fetches_ = 0;
  absl::Status fetching_;  // how each fetch ends
  CountingFileSystem files_;
};

TEST_F(PluginCacheTest, FetchesOnceAndKeepsItOverARestart) {
  const pb::JobSpec::Plugin plugin = Plugin("machine code");
  PluginCache cache = NewCache();
  ASSERT_OK_AND_ASSIGN(const std::string path, PathIn(&cache, plugin));
  EXPECT_EQ(Read(path), "machine code");
  ASSERT_OK(cache.Get(plugin));
  PluginCache next = NewCache();
  ASSERT_OK(next.Get(plugin));
  EXPECT_EQ(fetches_, 1);
}

TEST_F(PluginCacheTest, ATornCopyIsFetchedAgain) {
  const pb::JobSpec::Plugin plugin = Plugin("machine code");
  std::string path;
  {
    PluginCache cache = NewCache();
    ASSERT_OK_AND_ASSIGN(path, PathIn(&cache, plugin));
  }
  for (const char* torn : {"", "machine", "machine c0de"}) {
    Damage(path, torn);
    PluginCache cache = NewCache();  // as after a power cut
    EXPECT_FALSE(cache.IsIntact(plugin));
    ASSERT_OK(cache.Get(plugin));
    EXPECT_EQ(Read(path), "machine code");
    EXPECT_TRUE(cache.IsIntact(plugin));
  }
}

TEST_F(PluginCacheTest, ACopyThatIsDamagedLaterIsFetchedAgain) {
  const pb::JobSpec::Plugin plugin = Plugin("machine code");
  PluginCache cache = NewCache();
  ASSERT_OK_AND_ASSIGN(const std::string path, PathIn(&cache, plugin));
  Damage(path, "torn");
  ASSERT_OK(cache.Get(plugin));
  EXPECT_EQ(Read(path), "machine code");
  ASSERT_OK(FileSystem::Real()->Remove(path));
  ASSERT_OK(cache.Get(plugin));
  EXPECT_EQ(fetches_, 3);
}

// As attempts do with side files, at their beginning and at their end.
TEST_F(PluginCacheTest, LinksThatComeAndGoAreNoReasonToReadACopyAgain) {
  const pb::JobSpec::Plugin list = Plugin("words");
  PluginCache cache = NewCache();
  ASSERT_OK_AND_ASSIGN(const PluginCache::Copy copy, cache.Get(list));
  const std::string link = dir_ / "link";
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::filesystem::create_hard_link(*copy, link);
    ASSERT_OK(cache.Get(list));
    ASSERT_OK(FileSystem::Real()->Remove(link));
    ASSERT_OK(cache.Get(list));
  }
  EXPECT_EQ(files_.opened, 0) << "it was compared when it came";

  std::filesystem::create_hard_link(*copy, link);
  Damage(link, "words of a task that writes to its side file");
  ASSERT_OK(cache.Get(list));
  EXPECT_EQ(files_.opened, 1);
  EXPECT_EQ(Read(*copy), "words");
  EXPECT_EQ(fetches_, 2);
}

TEST_F(PluginCacheTest, TheLeastRecentlyUsedMakeRoom) {
  PluginCache cache = NewCache();
  const pb::JobSpec::Plugin favourite = Plugin("favourite");
  for (size_t i = 0; i < 2 * PluginCache::kMaxIdleCopies; ++i) {
    ASSERT_OK(cache.Get(favourite));
    ASSERT_OK(cache.Get(Plugin("code " + std::to_string(i))));
  }
  EXPECT_EQ(fetches_, 2 * static_cast<int>(PluginCache::kMaxIdleCopies) + 1);
  // The last one was in use when the others made room.
  EXPECT_EQ(FileSystem::Real()->List(dir_.path())->size(), PluginCache::kMaxIdleCopies + 1);
}

TEST_F(PluginCacheTest, WhatIsInUseStaysHoweverManyCome) {
  PluginCache cache = NewCache();
  std::vector<PluginCache::Copy> used;
  for (size_t i = 0; i < 2 * PluginCache::kMaxIdleCopies; ++i) {
    ASSERT_OK_AND_ASSIGN(used.emplace_back(), cache.Get(Plugin("used " + std::to_string(i))));
    ASSERT_OK(cache.Get(Plugin("idle " + std::to_string(i))));
  }
  for (size_t i = 0; i < used.size(); ++i) {
    EXPECT_EQ(Read(*used[i]), "used " + std::to_string(i));
  }
  const size_t kept = FileSystem::Real()->List(dir_.path())->size();
  EXPECT_EQ(kept, used.size() + PluginCache::kMaxIdleCopies + 1);
  used.clear();
  ASSERT_OK(cache.Get(Plugin("one more")));
  EXPECT_EQ(FileSystem::Real()->List(dir_.path())->size(), PluginCache::kMaxIdleCopies + 1);
}

TEST_F(PluginCacheTest, RefusesOtherBytesAndOtherNames) {
  pb::JobSpec::Plugin plugin = Plugin("machine code");
  plugin.set_path("something else");
  EXPECT_THAT(NewCache().Get(plugin), StatusIs(absl::StatusCode::kDataLoss));
  plugin.set_hash("../../../../../../../../../../etc");
  EXPECT_THAT(NewCache().Get(plugin), StatusIs(absl::StatusCode::kInvalidArgument));
}

// A task that appends to its side file would change it for all jobs.
TEST_F(PluginCacheTest, NobodyMayWriteToWhatAllShare) {
  PluginCache cache = NewCache();
  ASSERT_OK_AND_ASSIGN(const PluginCache::Copy copy, cache.Get(Plugin("words")));
  const auto mode = [&] { return std::filesystem::status(*copy).permissions(); };
  EXPECT_EQ(static_cast<unsigned>(mode()), 0444u);
  // As one that an earlier version has left.
  std::filesystem::permissions(*copy, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  PluginCache later = NewCache();
  ASSERT_OK(later.Get(Plugin("words")));
  EXPECT_EQ(static_cast<unsigned>(mode()), 0444u);
}

TEST_F(PluginCacheTest, WhatCouldNotBeFetchedTakesNoRoom) {
  PluginCache cache = NewCache();
  pb::JobSpec::Plugin plugin = Plugin("machine code");
  fetching_ = UnavailableError("the master went away");
  EXPECT_THAT(cache.Get(plugin), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(FileSystem::Real()->List(dir_.path())->size(), 0u);
  fetching_ = absl::OkStatus();
  plugin.set_path("something else");
  EXPECT_THAT(cache.Get(plugin), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(FileSystem::Real()->List(dir_.path())->size(), 0u);
}

TEST_F(PluginCacheTest, WhatADeadWorkerWasFetchingIsRemoved) {
  const pb::JobSpec::Plugin plugin = Plugin("machine code");
  ASSERT_OK(NewCache().Get(plugin));
  std::ofstream(dir_ / (Plugin("other").hash() + ".so.new")) << "ot";
  PluginCache cache = NewCache();
  EXPECT_EQ(FileSystem::Real()->List(dir_.path())->size(), 1u);
  ASSERT_OK(cache.Get(plugin));
  EXPECT_EQ(fetches_, 1);
}

}  // namespace
}  // namespace quern::mr
