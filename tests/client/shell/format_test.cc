#include "client/shell/format.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace quern::shell {
namespace {

using client::FileStatus;
using client::FileType;

FileStatus File(std::string path, uint64_t length) {
  FileStatus file;
  file.path = std::move(path);
  file.length = length;
  file.replication = 3;
  file.chunk_size = 64 << 20;
  file.owner = "alice";
  file.group = "supergroup";
  file.mode = 0644;
  file.mtime = absl::FromUnixMillis(1'795'327'267'123);  // 2026-11-22 06:01:07.123 UTC
  file.durability = client::Durability::kOnClose;
  return file;
}

FileStatus Directory(std::string path) {
  FileStatus directory = File(std::move(path), 0);
  directory.type = FileType::kDirectory;
  directory.replication = 0;
  directory.chunk_size = 0;
  directory.mode = 0755;
  return directory;
}

class LocalZone : public ::testing::Test {
 protected:
  LocalZone() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

// The lines that HDFS prints for the same entries.
TEST_F(LocalZone, ListsAsHdfsDoes) {
  ListFormat format(/*human=*/false);
  const std::vector<FileStatus> entries = {Directory("/user/alice/out"),
                                           File("/user/alice/in.txt", 134'217'728)};
  format.Widen(entries);
  EXPECT_EQ(format.Line(entries[0]),
            "drwxr-xr-x   - alice supergroup          0 2026-11-22 06:01 /user/alice/out\n");
  EXPECT_EQ(format.Line(entries[1]),
            "-rw-r--r--   3 alice supergroup  134217728 2026-11-22 06:01 /user/alice/in.txt\n");
}

TEST_F(LocalZone, ColumnsGrowWithWhatIsWide) {
  ListFormat format(/*human=*/false);
  FileStatus wide = File("/w", 123'456'789'012);
  wide.owner = "somebody";
  format.Widen({wide});
  EXPECT_EQ(format.Line(File("/n", 5)),
            "-rw-r--r--   3 alice    supergroup            5 2026-11-22 06:01 /n\n");
}

TEST_F(LocalZone, HumanSizesAreHdfsOnes) {
  ListFormat format(/*human=*/true);
  format.Widen({File("/f", 134'217'728)});
  EXPECT_EQ(format.Line(File("/f", 134'217'728)),
            "-rw-r--r--   3 alice supergroup      128 M 2026-11-22 06:01 /f\n");
}

TEST(Format, PermissionText) {
  EXPECT_EQ(PermissionText(0644), "rw-r--r--");
  EXPECT_EQ(PermissionText(0750), "rwxr-x---");
  EXPECT_EQ(PermissionText(01777), "rwxrwxrwt");
  EXPECT_EQ(PermissionText(01776), "rwxrwxrwT");
}

TEST(Format, StatFields) {
  const FileStatus file = File("/a/名 前.txt", 7);
  const struct {
    const char* format;
    const char* text;
  } cases[] = {
      {"%y", "2026-11-22 06:01:07"},
      {"%Y", "1795327267123"},
      {"%n|%b|%o|%r", "名 前.txt|7|67108864|3"},
      {"%a %A %F %u:%g", "644 rw-r--r-- regular file alice:supergroup"},
      {"%D", "on_close"},
      {"100%%", "100%"},
      {"%q", "q"},
      {"x%", "x"},
  };
  for (const auto& test : cases) EXPECT_EQ(FormatStat(test.format, file), test.text);
  EXPECT_EQ(FormatStat("%F", Directory("/d")), "directory");
}

TEST(Format, UsageTablePadsAllButTheLastColumn) {
  UsageTable left({false, false, false});
  left.AddRow({"1.2 G", "3.6 G", "/a"});
  left.AddRow({"34", "102", "/longer"});
  EXPECT_EQ(left.ToString(), "1.2 G  3.6 G  /a\n34     102    /longer\n");
  UsageTable right({false, true});
  right.AddRow({"Filesystem", "Size"});
  right.AddRow({"quern://h:1", "5"});
  EXPECT_EQ(right.ToString(), "Filesystem   Size\nquern://h:1     5\n");
}

TEST(Format, JsonSurvivesNamesThatAreNotUtf8) {
  const std::string json = StatusJson(File("/a\xff\nb", 7)).ToString();
  EXPECT_NE(json.find("/a\xef\xbf\xbd\\nb"), std::string::npos) << json;
  EXPECT_NE(json.find("\"mode\":\"0644\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"mtime\":\"2026-11-22T06:01:07+00:00\""), std::string::npos) << json;
}

}  // namespace
}  // namespace quern::shell
