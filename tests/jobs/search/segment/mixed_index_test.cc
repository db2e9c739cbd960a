// The search-index job over a directory whose files have several formats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "jobs/search/segment/segment.h"
#include "jobs/text/json.h"
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

// As the corpus takes them through the same format.
TEST_F(MixedIndexTest, LinesMayHoldPages) {
  const std::string page = "<html lang=de><title>Seite</title><p>Ein Satz mit \xc3\xbc.</p>";
  const auto line = [](const std::string& id, const std::string& html, const std::string& rest) {
    text::JsonObjectWriter json;
    json.AddString("id", id);
    json.AddString("html", html);
    const std::string made = json.Take();
    return made.substr(0, made.size() - 1) + rest + "}\n";
  };
  Write("a.jsonl", line("a", page, R"(, "crawled": "2026-11-22T06:05:28Z")") +
                       line("b", page, R"(, "title": "Birnen", "date": "2024-05-17")") +
                       line("c", "<p>Pflaumen</p>", R"(, "text": "Apples")") +
                       line("d",
                            std::string("\x7f"
                                        "ELF\x02\0\0\0",
                                        8),
                            "") +
                       R"({"id": "e", "html": "\u12"})"
                       "\n"
                       R"({"id": "f", "html": 7})"
                       "\n");
  pb::JobSpec spec = Spec("search_index", dir_ / "files");
  spec.mutable_inputs(0)->set_format("mixed");
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_partitioner("SegmentPartitioner");
  spec.mutable_output()->set_format("bytes");
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  for (const char* const counter :
       {"user.documents = 3", "user.documents_that_are_binary = 1", "user.lines_of_bad_json = 1",
        "user.documents_without_text = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
  const auto opened = Segment::OpenFile(dir_ / "out/part-r-00000");
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Segment& segment = **opened;
  ASSERT_EQ(segment.documents(), 3u);
  const auto frequency = [&segment](const char* field, const char* word) {
    const auto found = segment.Find(*segment.FindField(field), word);
    return found.has_value() ? found->document_frequency : 0;
  };
  EXPECT_EQ(frequency("body", "satz"), 2u);
  EXPECT_EQ(frequency("body", "\xc3\xbc"), 2u);
  EXPECT_EQ(frequency("body", "apples"), 1u);
  EXPECT_EQ(frequency("body", "pflaumen"), 0u) << "a text stands for its page";
  EXPECT_EQ(frequency("title", "seite"), 1u);
  EXPECT_EQ(frequency("title", "birnen"), 1u);
  for (const uint32_t doc : {0u, 1u}) {
    EXPECT_TRUE(segment.date(doc).has_value()) << segment.id(doc);
    EXPECT_EQ(segment.language(doc), "de");
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
