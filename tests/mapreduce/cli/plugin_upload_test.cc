#include "mapreduce/cli/plugin_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

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
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("job.so")));
}

TEST(PluginUpload, ASideFileThatIsADirectoryIsCalledOne) {
  const TempDir dir;
  pb::JobSpec spec;
  pb::JobSpec::Plugin* const file = spec.add_files()->mutable_file();
  file->set_path("file://" + dir.path());
  const absl::Status directory = CheckLocalSideFiles(spec);
  EXPECT_THAT(directory, StatusIs(absl::StatusCode::kInvalidArgument,
                                  ::testing::HasSubstr(dir.path() + ": is a directory")));
  EXPECT_THAT(std::string(directory.message()),
              ::testing::HasSubstr("Try: --files with each file in it"));
  file->set_path("file://" + dir / "none");
  EXPECT_THAT(CheckLocalSideFiles(spec),
              StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("no such file")));
}

}  // namespace
}  // namespace quern::mr
