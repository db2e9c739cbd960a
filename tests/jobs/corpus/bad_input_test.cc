// What crawls are full of, over the whole road from files to shards: each fault is counted and set
// aside, and the pages around it come out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "mapreduce/cli/job_source.h"
#include "tests/jobs/local_jobs.h"
#include "tests/mapreduce/formats/warc_builder.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHtml[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html";

std::string Words(const std::string& name) {
  return fmt::format(
      "The page called {} has text that nobody else has, and it goes on for a while. It says what "
      "it has to say, and then it says that once more in other words. Whoever reads it learns of "
      "the thing.",
      name);
}
std::string Fetched(const std::string& name, const std::string& http_fields,
                    const std::string& body) {
  return WarcRecord("response", "http://h/" + name, "application/http; msgtype=response",
                    kHtml + http_fields + "\r\n\r\n" + body);
}
std::string Page(const std::string& name) {
  return Fetched(name, "; charset=utf-8", "<title>T</title><p>" + Words(name));
}

class BadInputTest : public LocalJobsTest {
 protected:
  BadInputTest() { Shell("mkdir " + dir_ / "crawl"); }

  void Write(const std::string& name, const std::string& contents) {
    std::ofstream(dir_ / "crawl/" + name, std::ios::binary) << contents;
  }
  // The ready-made job of a plugin's library.
  static std::string JobOf(std::string plugin) {
    if (plugin == "clean_text") return "clean";
    std::replace(plugin.begin(), plugin.end(), '_', '-');
    return plugin;
  }
  pb::JobSpec SpecOf(const std::string& job, const std::string& in, const std::string& out) {
    pb::JobSpec spec = Spec(job, dir_ / in);
    const absl::StatusOr<SpecFile> file = ReadyMadeSpec(JobOf(job));
    EXPECT_TRUE(file.ok()) << file.status();
    if (file.ok()) *spec.mutable_counter_meanings() = file->spec.counter_meanings();
    spec.mutable_inputs(0)->set_format(job == "extract" ? "warc" : "jsonl");
    if (job != "shards") spec.mutable_reduce()->set_tasks(0);
    if (job == "shards") spec.mutable_reduce()->set_partitioner("ShardPartitioner");
    if (job == "filter" || job == "extract") {
      spec.add_outputs()->set_name("rejected");
      spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    }
    if (job == "filter") {
      (*spec.mutable_params())["gopher.words_min"] = "10";
      (*spec.mutable_params())["c4.sentences_min"] = "1";
    }
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_path("file://" + dir_ / out);
    return spec;
  }
  // The last component of each URL in the output of a job, in order.
  std::string Pages(const std::string& out) {
    return Shell("cat " + dir_ / out +
                 "/part-* | grep -o '\"url\": \"http://h/[a-z0-9-]*' | sed 's|.*/||' | sort | tr "
                 "'\\n' ' '")
        .out;
  }
  // What the job printed.
  std::string RunOne(const pb::JobSpec& spec) {
    const Outcome outcome = Run(spec);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
    return outcome.out;
  }
};

TEST_F(BadInputTest, IsCountedAndSetAside) {
  // A member that ends too early, one with a bit turned over, and what lies behind them.
  std::string damaged = GzipOf(Page("damaged"));
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
  Write("a.warc.gz",
        GzipOf(Page("a1")) + damaged + GzipOf(Page("a2")) + GzipOf(Page("cut")).substr(0, 150));
  // Lengths that are too small, too large, no number; and no length at all.
  const auto length = [](const std::string& record, const std::string& value) {
    const size_t at = record.find("Content-Length: ") + 16;
    return record.substr(0, at) + value + record.substr(record.find("\r\n", at));
  };
  Write("b.warc", Page("b1") + length(Page("small"), "60") + Page("b2") +
                      length(Page("large"), "999999999999") + Page("b3"));
  Write("c.warc", Page("c1") + length(Page("none"), "many") + Page("c2"));
  // A response without the head of a message, bodies that say what they are not, and a bomb: 300
  // MB of nothing in 300 kB.
  Write("d.warc.gz",
        GzipOf(Page("d1")) +
            GzipOf(WarcRecord("response", "http://h/headless", "application/http", "<p>No head.")) +
            GzipOf(Fetched("chunks", "\r\nTransfer-Encoding: chunked",
                           "5\r\n<p>ab\r\nfff\r\nand no more")) +
            GzipOf(Fetched("bomb", "\r\nContent-Encoding: gzip",
                           GzipOf(std::string(300'000'000, ' '), 1))) +
            GzipOf(Page("d2")));

  const std::string log = RunOne(SpecOf("extract", "crawl", "pages"));
  EXPECT_EQ(Pages("pages"), "a1 a2 b1 b2 b3 c1 c2 d1 d2 ");
  for (const char* counter :
       {"quern.map_set_aside_bad_member = 2", "quern.map_set_aside_no_http_head = 1",
        "quern.map_set_aside_false_length = 1", "quern.map_set_aside_bad_head = 1",
        "quern.map_set_aside_too_large = 2", "quern.map_set_aside_bad_chunks = 1",
        "user.pages_with_text = 9"}) {
    EXPECT_THAT(log, HasSubstr(counter));
  }
  RunOne(SpecOf("tag", "pages", "tagged"));
  RunOne(SpecOf("filter", "tagged", "kept"));
  EXPECT_THAT(RunOne(SpecOf("shards", "kept", "shards")), HasSubstr("user.documents = 9"));
  EXPECT_EQ(Pages("shards"), "a1 a2 b1 b2 b3 c1 c2 d1 d2 ");
}

TEST_F(BadInputTest, ACrawlThatIsTakenForLinesOfJsonFailsTheJob) {
  Write("a.warc", Page("a"));
  Write("b.warc.gz", GzipOf(Page("b")));
  for (const std::string job : {"tag", "filter", "shards", "extract"}) {
    pb::JobSpec spec = SpecOf(job, "crawl", job);
    spec.mutable_inputs(0)->set_format("jsonl");
    const Outcome outcome = Run(spec);
    EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr(": is a WARC file, and is read as lines of JSON, at "));
    EXPECT_THAT(outcome.out, HasSubstr(job == "extract" ? "--format warc" : "mr run extract"));
  }
}

TEST_F(BadInputTest, AnInputWithoutADocumentIsSaid) {
  Write("a.jsonl", "<html>\n<body>\n{\"words\": \"x\"}\n");
  EXPECT_THAT(RunOne(SpecOf("tag", "crawl", "tagged")),
              HasSubstr("WARNING: the input has not one document (lines_of_bad_json 2, "
                        "documents_without_text 1)"));
  // A document that says something of a format is none of it.
  Write("a.jsonl", "{\"text\": \"x\"}\nWARC/1.0\n");
  const std::string log = RunOne(SpecOf("tag", "crawl", "tagged2"));
  EXPECT_THAT(log, HasSubstr("user.lines_of_bad_json = 1"));
  EXPECT_THAT(log, Not(HasSubstr("WARNING")));
  EXPECT_THAT(RunOne(SpecOf("filter", "tagged2", "kept")),
              HasSubstr("WARNING: none of 1 document was kept"));
  // Among documents a file that is none, such as JSON over several lines.
  Write("a.jsonl", "{\"text\": \"x\"}\n{\n\"name\":\n1}\n");
  EXPECT_THAT(RunOne(SpecOf("tag", "crawl", "tagged3")),
              HasSubstr("WARNING: most of the input is no document (lines_of_bad_json 3), 1 is. "));
  // Those of extract are called otherwise.
  Write("a.jsonl", "no page\n");
  pb::JobSpec extract = SpecOf("extract", "crawl", "pages");
  extract.mutable_inputs(0)->set_format("jsonl");
  EXPECT_THAT(RunOne(extract),
              HasSubstr("WARNING: the input has not one document (lines_without_a_page 1)"));
  // Without a spec nobody knows what they mean.
  extract.clear_counter_meanings();
  extract.mutable_output()->set_path("file://" + dir_ / "pages2");
  EXPECT_THAT(RunOne(extract), Not(HasSubstr("WARNING")));
}

TEST_F(BadInputTest, AnEmptyInputIsSaid) {
  Write("a.jsonl", "");
  EXPECT_THAT(RunOne(SpecOf("tag", "crawl", "tagged")),
              HasSubstr("WARNING: nothing was read: no file of the input has a byte in it"));
  Write("a.jsonl", "\n");
  EXPECT_THAT(RunOne(SpecOf("tag", "crawl", "tagged2")), Not(HasSubstr("WARNING")));
}

TEST_F(BadInputTest, AnIdThatIsNoJsonIsNone) {
  Write("a.jsonl", "{\"id\": 17, \"text\": \"x\"}\n{\"id\": -abc, \"text\": \"x\"}\n");
  pb::JobSpec spec = SpecOf("tag", "crawl", "tagged");
  (*spec.mutable_params())["only_tags"] = "true";
  RunOne(spec);
  EXPECT_THAT(Shell("cut -d, -f1 " + dir_ / "tagged/part-*").out,
              ::testing::MatchesRegex("\\{\"id\": \"17\"\n\\{\"id\": \".*/a.jsonl:24\"\n"));
}

TEST_F(BadInputTest, PagesInAnyEncodingAreUtf8InTheEnd) {
  const std::string end = ". " + Words("x");
  Write("a.warc",
        Fetched("latin", "; charset=iso-8859-1", "<p>Caf\xe9" + end) +
            Fetched("wrong", "; charset=utf-8", "<p>Caf\xe9" + end) +
            Fetched("meta", "", "<meta charset=windows-1251><p>\xcf\xf0\xe8\xe2\xe5\xf2" + end) +
            Fetched("marked", "", "\xef\xbb\xbf<p>Z\xc3\xbcrich" + end) +
            Fetched("zeros", "; charset=utf-8", std::string("<p>A\0B\x01", 7) + end));
  EXPECT_THAT(RunOne(SpecOf("extract", "crawl", "pages")),
              HasSubstr("user.pages_that_are_binary = 1"));
  EXPECT_EQ(Pages("pages"), "latin marked meta wrong ");
  const std::string lines = Shell("cat " + dir_ / "pages/part-*").out;
  for (const char* text : {"Café", "Привет", "Zürich"}) EXPECT_THAT(lines, HasSubstr(text));
  EXPECT_EQ(Shell("cat " + dir_ / "pages/part-* | iconv -f utf-8 -t utf-8 > /dev/null").exit_code,
            0);
}

TEST_F(BadInputTest, ACutFileOfLinesGivesWhatComesBeforeTheCut) {
  const auto line = [](const std::string& name) {
    return fmt::format("{{\"id\": \"{0}\", \"url\": \"http://h/{0}\", \"text\": \"{1}\"}}\n", name,
                       Words(name));
  };
  std::string many = line("first");
  for (int i = 0; i < 20'000; ++i) many += line("n" + std::to_string(i));
  Write("a.jsonl.gz", GzipOf(many).substr(0, GzipOf(many).size() / 2));
  Write("b.jsonl.bz2", Bzip2Of(line("lost")).substr(0, 40));
  Write("c.jsonl", line("good"));
  const std::string log = RunOne(SpecOf("tag", "crawl", "tagged"));
  EXPECT_THAT(log, HasSubstr("quern.map_set_aside_bad_member = 2"));
  const std::string pages = " " + Pages("tagged");
  for (const char* name : {" first ", " n5000 ", " good "}) EXPECT_THAT(pages, HasSubstr(name));
  for (const char* name : {" n19999 ", " lost "}) EXPECT_THAT(pages, Not(HasSubstr(name)));
  EXPECT_THAT(log, Not(HasSubstr("lines_of_bad_json = 1")));
}

// Each of them a line: a word without an end, and more words than most books have.
TEST_F(BadInputTest, OneLongLineIsOneDocument) {
  const auto line = [](const std::string& name, const std::string& text) {
    return fmt::format("{{\"id\": \"{0}\", \"url\": \"http://h/{0}\", \"text\": \"{1}\"}}\n", name,
                       text);
  };
  std::string letters(8'000'000, ' ');
  for (size_t i = 0; i < letters.size(); i += 2) letters[i] = static_cast<char>('a' + Below(26));
  const std::string good = line("good", Words("g"));
  Write("docs", good + line("long", std::string(20'000'000, 'x')) + line("letters", letters) +
                    "{\"id\": \"cut\", \"text\": \"" + good);
  // Untagged, filter measures them too.
  const pb::JobSpec tag = SpecOf("tag", "crawl", "tagged");
  EXPECT_THAT(RunWithin(400, tag), HasSubstr("user.lines_of_bad_json = 1"));
  RunWithin(400, SpecOf("filter", "crawl", "kept"));
  EXPECT_EQ(Pages("kept"), "good ");
  EXPECT_EQ(Pages("kept-rejected"), "letters long ");
}

// Its tables of words would take many times as much memory as it.
TEST_F(BadInputTest, ATextThatIsTooLongIsSetAsideByEveryStage) {
  constexpr size_t kMost = 32 << 20;
  const std::string good = fmt::format(
      "{{\"id\": \"good\", \"url\": \"http://h/good\", \"text\": \"{}\"}}\n", Words("g"));
  {
    std::ofstream docs(dir_ / "crawl/docs", std::ios::binary);
    docs << good << "{\"id\": \"long\", \"url\": \"http://h/long\", \"text\": \"";
    for (size_t i = 0; i < kMost; i += 2) docs << "x ";
    docs << "x\"}\n" << good;
  }
  for (const char* job : {"tag", "filter", "clean_text", "exact_dedup", "near_duplicates"}) {
    pb::JobSpec spec = SpecOf(job, "crawl", job);
    if (job == std::string("exact_dedup")) spec.mutable_reduce()->set_group(2);
    if (job == std::string("near_duplicates")) spec.mutable_reduce()->set_group(1);
    if (job == std::string("clean_text") || job == std::string("exact_dedup")) {
      spec.add_outputs()->set_name("rejected");
      spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    }
    if (spec.mutable_reduce()->group() > 0) spec.mutable_reduce()->set_tasks(1);
    const std::string log = RunWithin(400, spec);
    EXPECT_THAT(log, HasSubstr("quern.map_skipped_records: a text of more than 32 MiB = 1")) << job;
    EXPECT_THAT(log, HasSubstr("user.documents = 2")) << job;
  }
  EXPECT_EQ(Pages("tag"), "good good ");
  // One byte less is a document.
  std::ofstream(dir_ / "crawl/docs", std::ios::binary)
      << "{\"id\": \"most\", \"text\": \"" << std::string(kMost, 'x') << "\"}\n";
  EXPECT_THAT(RunWithin(1000, SpecOf("tag", "crawl", "most")), HasSubstr("user.documents = 1"));
}

TEST_F(BadInputTest, EdgesThatWouldMeetNoDocumentAreRefused) {
  Write("docs", "{\"id\": \"a\", \"text\": \"x\"}\n{\"duplicate\": \"a\", \"of\": \"b\"}\n");
  pb::JobSpec spec = SpecOf("drop_duplicates", "crawl", "kept");
  spec.mutable_reduce()->set_tasks(1);
  spec.add_outputs()->set_name("rejected");
  spec.mutable_outputs(0)->mutable_output()->set_format("raw");
  const Outcome outcome = Run(spec);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("reduce.group: must be 1"));
}

// An id that is the same by mistake: its documents pass one after the other.
TEST_F(BadInputTest, AnIdOfManyDocumentsTakesNoMemory) {
  constexpr int kDocuments = 500'000;
  const std::string line = "{\"id\": \"same\", \"text\": \"" + std::string(300, 'x') + "\"}\n";
  std::string lines = "{\"id\": \"twin\", \"text\": \"x\"}\n";
  for (int i = 0; i < kDocuments; ++i) lines += line;
  lines += "{\"duplicate\": \"twin\", \"of\": \"same\"}\n";
  Write("docs", lines);
  pb::JobSpec spec = SpecOf("drop_duplicates", "crawl", "kept");
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_group(1);
  spec.add_outputs()->set_name("rejected");
  spec.mutable_outputs(0)->mutable_output()->set_format("raw");
  const std::string log = RunWithin(250, spec);
  EXPECT_THAT(log, HasSubstr(fmt::format("user.kept = {}", kDocuments)));
  EXPECT_THAT(log, HasSubstr("user.dropped = 1"));
}

}  // namespace
}  // namespace quern::mr
