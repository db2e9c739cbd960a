#include "common/storage/mapped_range.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "common/storage/file_io.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

TEST(MappedRange, ShowsTheBytesOfAnyPartOfAFile) {
  const TempDir dir;
  std::string text;
  for (int i = 0; text.size() < 20'000; ++i) text += std::to_string(i) + ",";
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<File> file,
                       FileSystem::Real()->Open(dir / "f", {.create = true}));
  ASSERT_OK(file->Pwrite(text, 0));
  MappedRange range;
  EXPECT_FALSE(range.is_mapped());
  EXPECT_EQ(range.bytes(), "");
  for (const uint64_t offset : {0u, 1u, 4095u, 4096u, 9000u}) {
    for (const size_t size : {size_t{1}, size_t{5000}, text.size() - offset}) {
      ASSERT_TRUE(range.Map(file->fd(), offset, size));
      EXPECT_EQ(range.bytes(), text.substr(offset, size)) << offset << " " << size;
    }
  }
  MappedRange other = std::move(range);
  EXPECT_EQ(other.bytes(), text.substr(9000));
  EXPECT_FALSE(other.Map(-1, 0, 1));
  EXPECT_EQ(errno, EBADF);
  EXPECT_FALSE(other.is_mapped()) << "nor what was mapped before";
}

}  // namespace
}  // namespace quern
