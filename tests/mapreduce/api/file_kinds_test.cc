#include "mapreduce/api/file_kinds.h"

#include <gtest/gtest.h>

#include <string>

namespace quern {
namespace {

TEST(FileKinds, ANameIsTakenWithoutItsDirectoryAndItsCompression) {
  EXPECT_EQ(PlainFileName("/in/A.TXT.gz"), "a.txt");
  EXPECT_EQ(PlainFileName("B.Warc.ZST"), "b.warc");
  EXPECT_EQ(PlainFileName("/in.gz/c"), "c");
  EXPECT_EQ(PlainFileName("d.bz2.xz"), "d.bz2") << "one, which is the outer one";
  EXPECT_EQ(PlainFileName("/in/"), "");
  EXPECT_EQ(PlainFileName(""), "");
}

TEST(FileKinds, TextsAndPagesAreKnownByTheirNames) {
  for (const char* const name : {"/a.txt", "b.TEXT", "c.md", "d.txt.gz", "e.Md.zst", "F.TXT.GZ"}) {
    EXPECT_TRUE(HasTextName(name)) << name;
  }
  for (const char* const name : {"txt", "a.txt/b", "a.html", "a.gz", "README", "a.cmd", ""}) {
    EXPECT_FALSE(HasTextName(name)) << name;
  }
  for (const char* const name : {"/a.html", "b.HTM", "c.xhtml", "d.html.gz", "E.HTM.ZST"}) {
    EXPECT_TRUE(HasHtmlName(name)) << name;
  }
  for (const char* const name : {"html", "a.html/b", "a.htmlx", "a.gz", "a.html.gz.txt", ""}) {
    EXPECT_FALSE(HasHtmlName(name)) << name;
  }
}

TEST(FileKinds, ACrawlIsKnownByItsVersion) {
  for (const char* const bytes : {"WARC/1.0\r\n", "WARC/1.1\r\n", "WARC/0.17\r\n", "WARC/1."}) {
    EXPECT_TRUE(BeginsLikeWarc(bytes)) << bytes;
    EXPECT_TRUE(BeginsLikeWarc(std::string(bytes).substr(0, kWarcBeginning))) << bytes;
  }
  for (const char* const bytes : {"", "WARC/", "WARC/1", "WARC/2.0\r\n", " WARC/1.0", "warc/1.0"}) {
    EXPECT_FALSE(BeginsLikeWarc(bytes)) << bytes;
  }
}

}  // namespace
}  // namespace quern
