#include "mapreduce/cli/plugin_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/hash.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

// Built anew between the check and the upload, with as many bytes as before.
TEST(PluginUpload, BytesOfAnotherBuildAreNotSentUnderTheOldHash) {
  const TempDir dir;
  std::ofstream(dir / "job.so") << "the new build";
  PluginInfo plugin;
  plugin.hash = HashBytes128("the old build").ToString();
  plugin.size_bytes = 13;
  SimulatedClock clock;
  // Nobody is asked for anything: no master is there.
  EXPECT_THAT(UploadPlugin({}, dir / "job.so", plugin, &clock).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("job.so")));
}

}  // namespace
}  // namespace quern::mr
