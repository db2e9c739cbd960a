// The first look that the container image offers, with commands that only say what they would do.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

using ::testing::HasSubstr;

TEST(ExampleTest, ShowsTheTopOfACountThatIsLongerThanAPipeHolds) {
  const TempDir dir;
  for (const char* name : {"dfs", "mr"}) {
    std::ofstream(dir / name) << "#!/bin/sh\n"
                                 "[ \"$1\" != cat ] || seq 200000 | sed 's/.*/w&\\t&/'\n";
    ASSERT_EQ(chmod((dir / name).c_str(), 0755), 0);
  }
  const auto process = Subprocess::Spawn(
      {"/bin/sh", "-c", fmt::format("{} > {} 2>&1", QUERN_EXAMPLE, dir / "said")},
      {.env = {{{"PATH", dir.path() + ":/usr/bin:/bin"}, {"TMPDIR", dir.path()}}}});
  ASSERT_TRUE(process.ok()) << process.status();
  const ExitStatus exit = (*process)->Wait();
  const std::string said = ReadFileToString(FileSystem::Real(), dir / "said").value_or("");
  EXPECT_TRUE(exit.ok()) << exit.ToString();
  EXPECT_THAT(said, HasSubstr("w200000\t200000\nw199999\t199999\n"));
  EXPECT_THAT(said, HasSubstr("w199991\t199991\n\n$ dfs fsck /example\n"));
}

}  // namespace
}  // namespace quern
