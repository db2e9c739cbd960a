// The search-index job over a directory whose files have several formats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "jobs/search/segment/segment.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using search::Segment;
using ::testing::HasSubstr;

class MixedIndexTest : public LocalJobsTest {
 protected:
  MixedIndexTest() { std::filesystem::create_directory(dir_ / "files"); }
  void Write(const std::string& name, const std::string& contents) {
    std::ofstream(dir_ / "files/" + name, std::ios::binary) << contents;
  }
  // A record of a WARC file.
  static std::string Crawled(const std::string& url, const std::string& text) {
    return fmt::format(
        "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: {}\r\nContent-Type: text/plain\r\n"
        "Content-Length: {}\r\n\r\n{}\r\n\r\n",
        url, text.size(), text);
  }
};

TEST_F(MixedIndexTest, EachFileIsReadAsItsNameSays) {
  Write("a.txt", "Plain words");
  Write("b.wet", Crawled("http://b/", "A sentence of a crawl."));
  Write("c.jsonl", R"({"id": "c", "text": "Apples"})"
                   "\n"
                   R"({"id": "d", "title": "Pears"})"
                   "\nbad\n");
  Write("e.html", "<title>Seite</title><p>Ein Satz.</p>");
  pb::JobSpec spec = Spec("search_index", dir_ / "files");
  spec.mutable_inputs(0)->set_format("mixed");
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_partitioner("SegmentPartitioner");
  spec.mutable_output()->set_format("bytes");
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("user.documents = 5"));
  EXPECT_THAT(outcome.out, HasSubstr("user.lines_of_bad_json = 1"));
  const auto opened = Segment::OpenFile(dir_ / "out/part-r-00000");
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Segment& segment = **opened;
  std::set<std::string> ids;
  for (uint32_t doc = 0; doc < segment.documents(); ++doc) ids.insert(segment.id(doc));
  const std::string root = "file://" + dir_ / "files/";
  EXPECT_EQ(ids, (std::set<std::string>{"c", "d", "http://b/", root + "a.txt", root + "e.html"}));
  for (const char* const word : {"plain", "sentence", "apples", "satz"}) {
    EXPECT_TRUE(segment.Find(*segment.FindField("body"), word).has_value()) << word;
  }
  for (const char* const word : {"pears", "seite"}) {
    EXPECT_TRUE(segment.Find(*segment.FindField("title"), word).has_value()) << word;
  }
}

TEST_F(MixedIndexTest, ACrawlIsNotTakenForLinesOfJson) {
  Write("b.wet", Crawled("http://b/", "A sentence of a crawl."));
  pb::JobSpec spec = Spec("search_index", dir_ / "files");
  spec.mutable_inputs(0)->set_format("jsonl");
  spec.mutable_reduce()->set_partitioner("SegmentPartitioner");
  spec.mutable_output()->set_format("bytes");
  const Outcome outcome = Run(spec);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("b.wet: is a WARC file, and is read as lines of JSON, at "));
  EXPECT_THAT(outcome.out, HasSubstr(". Try: --format warc"));
}

}  // namespace
}  // namespace quern::mr
