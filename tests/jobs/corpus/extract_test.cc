#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/jobs/local_jobs.h"
#include "tests/mapreduce/formats/warc_builder.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

constexpr char kSentences[] =
    "This is a sentence that goes on for a while, as sentences do, and then it comes to its end.";

class ExtractJobTest : public LocalJobsTest {
 protected:
  pb::JobSpec ExtractSpec(const std::string& format) {
    pb::JobSpec spec = Spec("extract", dir_ / "in");
    spec.mutable_inputs(0)->set_format(format);
    spec.mutable_reduce()->set_tasks(0);
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_overwrite(true);
    spec.add_outputs()->set_name("rejected");
    spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    return spec;
  }
  std::string Rejected() { return Shell("cat " + dir_ / "out-rejected/part-m-*").out; }
  std::string Output() { return Shell("cat " + dir_ / "out/part-m-*").out; }
};

TEST_F(ExtractJobTest, ReadsHtmlFiles) {
  Shell(fmt::format("mkdir {}", dir_ / "in"));
  std::ofstream(dir_ / "in/a.html")
      << "<meta charset=latin1><title>T</title><p>Caf\xe9. " << kSentences;
  std::ofstream(dir_ / "in/b.html") << "<nav><a href=/>Home</a></nav>";
  std::ofstream(dir_ / "in/c.pdf") << "%PDF-1.4 stream";
  const Outcome outcome = Run(ExtractSpec("whole"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(),
            fmt::format("{{\"id\": \"file://{}/in/a.html\", \"title\": \"T\", \"text\": \"Café. "
                        "{}\\n\"}}\n",
                        dir_.path(), kSentences));
  EXPECT_EQ(Rejected(),
            fmt::format("{{\"id\": \"file://{0}/in/b.html\", \"text\": \"\", \"rejected\": "
                        "{{\"rule\": \"extract.no_text\"}}}}\n"
                        "{{\"id\": \"file://{0}/in/c.pdf\", \"text\": \"\", \"rejected\": "
                        "{{\"rule\": \"extract.binary\"}}}}\n",
                        dir_.path()));
  for (const char* counter : {"user.pages = 3", "user.pages_with_text = 1",
                              "user.pages_without_text = 1", "user.pages_that_are_binary = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

TEST_F(ExtractJobTest, ReadsPagesInJsonAndResolvesTheirLinks) {
  std::ofstream(dir_ / "in") << "{\"url\": \"http://h/d/p\", \"id\": \"x\", \"page\": \"<p>"
                             << kSentences << "<a href='../q'>Q</a><a href='mailto:x'>M</a>\"}\n"
                             << "\n{\"id\": \"y\"}\n{\"page\": \"cut\n";
  pb::JobSpec spec = ExtractSpec("jsonl");
  (*spec.mutable_params())["field"] = "page";
  (*spec.mutable_params())["links"] = "true";
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(
      Output(),
      fmt::format(
          "{{\"id\": \"x\", \"url\": \"http://h/d/p\", \"domain\": \"h\", \"text\": \"{}QM\\n\", "
          "\"links\": [[\"http://h/q\", \"Q\"]]}}\n",
          kSentences));
  EXPECT_THAT(outcome.out, HasSubstr("user.lines_without_a_page = 2"));
}

// An absolute base needs no URL of the page; a relative one says nothing without it.
TEST_F(ExtractJobTest, LinksAreRelativeToTheBaseThatThePageStates) {
  const auto line = [](const std::string& id, const std::string& url, const std::string& base) {
    return fmt::format(
        "{{\"id\": \"{}\", \"url\": \"{}\", \"html\": \"<base href='{}'><p>{}<a href='q'>Q</a>"
        "<a href='mailto:x'>M</a>\"}}\n",
        id, url, base, kSentences);
  };
  std::ofstream(dir_ / "in") << line("a", "", "https://b.org/d/") << line("b", "", "/d/")
                             << line("c", "http://h/", "https://b.org/d/")
                             << line("d", "http://h/", "/d/") << line("e", "http://h/", "ftp://x/");
  pb::JobSpec spec = ExtractSpec("jsonl");
  (*spec.mutable_params())["links"] = "true";
  ExpectSucceeds(spec);
  EXPECT_EQ(Shell("sed 's/.*\"links\"/links/' " + dir_ / "out/part-m-*").out,
            "links: [[\"https://b.org/d/q\", \"Q\"]]}\n"
            "links: [[\"q\", \"Q\"], [\"mailto:x\", \"M\"]]}\n"
            "links: [[\"https://b.org/d/q\", \"Q\"]]}\n"
            "links: [[\"http://h/d/q\", \"Q\"]]}\n"
            "links: [[\"http://h/q\", \"Q\"]]}\n");
}

TEST_F(ExtractJobTest, NumbersAreIdsToo) {
  std::ofstream(dir_ / "in") << "{\"id\": 17, \"html\": \"<p>" << kSentences << "\"}\n"
                             << "{\"id\": -2, \"html\": \"\"}\n";
  ExpectSucceeds(ExtractSpec("jsonl"));
  EXPECT_THAT(Output(), ::testing::StartsWith("{\"id\": \"17\", \"text\": \"This is"));
  EXPECT_THAT(Rejected(), ::testing::StartsWith("{\"id\": \"-2\", \"text\": \"\""));
}

// As in every job that reads lines of JSON; an empty page would be one without text.
TEST_F(ExtractJobTest, AStringThatCannotBeReadIsNoPage) {
  std::ofstream(dir_ / "in") << "{\"id\": \"a\", \"html\": \"<p>It\\'s a page.\"}\n"
                             << "{\"id\": \"b\", \"text\": \"It\\'s a text.\"}\n"
                             << "{\"id\": \"c\", \"html\": \"<p>" << kSentences << "\"}\n"
                             << "{\"id\": \"d\", \"html\": null}\n";
  const Outcome outcome = Run(ExtractSpec("jsonl"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  for (const char* counter : {"user.pages = 2", "user.lines_without_a_page = 2",
                              "user.lines_of_text = 0", "user.pages_without_text = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
  EXPECT_EQ(Rejected(),
            "{\"id\": \"d\", \"text\": \"\", \"rejected\": {\"rule\": \"extract.no_text\"}}\n");
}

// A text says nothing of itself, but for its line.
TEST_F(ExtractJobTest, ALineOfTextKeepsWhatItSaysOfTheText) {
  std::ofstream(dir_ / "in")
      << "{\"id\": \"a\", \"lang\": \"de\", \"date\": \"2024-05-17\", \"title\": \"T\", "
         "\"text\": \"Ein Text.\", \"pages\": 3}\n"
      << "{\"id\": \"b\", \"lang\": \"" << std::string(36, 'x') << "\", \"date\": 17, \"title\": \""
      << std::string(999, 't') << "\u00fc\", \"text\": \"Noch einer.\"}\n";
  ExpectSucceeds(ExtractSpec("jsonl"));
  EXPECT_EQ(Output(),
            "{\"id\": \"a\", \"title\": \"T\", \"date\": \"2024-05-17\", \"lang\": \"de\", "
            "\"text\": \"Ein Text.\"}\n"
            "{\"id\": \"b\", \"title\": \"" +
                std::string(999, 't') + "\", \"text\": \"Noch einer.\"}\n");
}

std::string Response(const std::string& uri, const std::string& http,
                     const std::string& more = "") {
  return WarcRecord("response", uri, "application/http; msgtype=response", http, more);
}

TEST_F(ExtractJobTest, ReadsCrawls) {
  const std::string page = fmt::format("<title>T</title><p>Caf\xe9. {}", kSentences);
  std::ofstream(dir_ / "in", std::ios::binary)
      << Response("http://www.a.co.uk/",
                  "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=latin1\r\n\r\n" + page,
                  "WARC-Date: 2026-11-28T18:00:00Z\r\nWARC-Record-ID: <urn:x>\r\n")
      << Response("http://b/", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + page)
      << Response("http://c/", "HTTP/1.1 404 No\r\nContent-Type: text/html\r\n\r\n" + page)
      << Response("http://e/",
                  "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n\x8b\x10\x80\xe9 <p>")
      << Response("http://f/", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n<html>" + page)
      << Response("http://h/", "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n<html>" + page)
      << Response("http://g/",
                  "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=latin1\r\n"
                  "Content-Encoding: utf-8\r\n\r\n<p>Caf\xe9. " +
                      page)
      << WarcRecord("request", "http://www.a.co.uk/", "application/http", "GET / HTTP/1.1\r\n\r\n")
      << WarcRecord("conversion", "http://d/", "text/plain", "Plain text.\n");
  const Outcome outcome = Run(ExtractSpec("warc"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(Output(), HasSubstr("\"url\": \"http://www.a.co.uk/\", \"domain\": \"a.co.uk\", "
                                  "\"crawled\": \"2026-11-28T18:00:00Z\", "
                                  "\"title\": \"T\", \"text\": \"Café. "));
  EXPECT_EQ(Shell("sed 's/.*\"url\"/\"url\"/' " + dir_ / "out-rejected/part-m-*").out,
            "\"url\": \"http://b/\", \"domain\": \"b\", \"text\": \"\", \"rejected\": {\"rule\": "
            "\"extract.type\", \"value\": \"image/png\"}}\n"
            "\"url\": \"http://c/\", \"domain\": \"c\", \"text\": \"\", \"rejected\": {\"rule\": "
            "\"extract.status\", \"value\": \"404\"}}\n"
            "\"url\": \"http://e/\", \"domain\": \"e\", \"text\": \"\", \"rejected\": {\"rule\": "
            "\"extract.coding\", \"value\": \"br\"}}\n");
  EXPECT_THAT(
      Output(),
      HasSubstr("\"url\": \"http://d/\", \"domain\": \"d\", \"text\": \"Plain text.\\n\"}\n"));
  for (const char* counter :
       {"user.pages_with_text = 5", "user.responses_in_unknown_codings = 1",
        "user.records_that_hold_no_page = 1", "user.responses_other_than_html = 1",
        "user.responses_other_than_200 = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

// What may be hundreds of times as large is neither copied nor handed to the stages behind.
TEST_F(ExtractJobTest, TextsOfCrawlsAreCutAsPagesAre) {
  constexpr size_t kMost = 8 << 20;
  std::string text;
  while (text.size() < kMost + 1000) text += "Ein Satz \u00fcber M\u00fchlen. ";
  std::ofstream(dir_ / "in", std::ios::binary)
      << WarcRecord("conversion", "http://a/", "text/plain", text);
  const Outcome crawl = Run(ExtractSpec("warc"));
  ASSERT_EQ(crawl.exit_code, 0) << crawl.out;
  EXPECT_THAT(crawl.out, HasSubstr("user.pages_too_large_to_read_whole = 1"));
  const std::string line = Output();
  EXPECT_TRUE(line.find(text.substr(0, kMost - 1)) != std::string::npos);
  EXPECT_LT(line.size(), kMost + 500);
  EXPECT_EQ(line.find("\uFFFD"), std::string::npos) << "a character was cut";
  std::ofstream(dir_ / "in", std::ios::binary)
      << "{\"id\": \"x\", \"html\": \"<p>" << text << "\"}\n";
  const Outcome json = Run(ExtractSpec("jsonl"));
  ASSERT_EQ(json.exit_code, 0) << json.out;
  EXPECT_THAT(json.out, HasSubstr("user.pages_too_large_to_read_whole = 1"));
}

TEST_F(ExtractJobTest, APageThatTakesTooManyStepsIsRejectedWithTheirNumber) {
  std::ofstream out(dir_ / "in");
  out << "{\"id\": \"slow\", \"html\": \"<p><object>";
  for (int i = 0; i < 500; ++i) out << "<span>";
  for (int i = 0; i < 500'000; ++i) out << "</p>";
  out << "\"}\n{\"id\": \"next\", \"html\": \"<p>" << kSentences << "\"}\n";
  out.close();
  const Outcome outcome = Run(ExtractSpec("jsonl"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(Rejected(), ::testing::MatchesRegex(
                              "\\{\"id\": \"slow\", \"text\": \"\", \"rejected\": \\{\"rule\": "
                              "\"extract.too_slow\", \"value\": 50000[0-9]+, \"threshold\": "
                              "500000000\\}\\}\n"));
  EXPECT_THAT(Output(), HasSubstr("{\"id\": \"next\", "));
  EXPECT_THAT(outcome.out, HasSubstr("user.pages_too_slow_to_read = 1"));
}

class ExtractMixedTest : public ExtractJobTest {
 protected:
  ExtractMixedTest() { Shell(fmt::format("mkdir -p {}", dir_ / "in/sub")); }
  void Write(const std::string& name, const std::string& contents) {
    std::ofstream(dir_ / "in/" + name, std::ios::binary) << contents;
  }
  // Sorted, without the directory.
  std::string Sorted(const std::string& lines) {
    std::ofstream(dir_ / "lines", std::ios::binary) << lines;
    return Shell(fmt::format("sed 's|file://{}/||' {} | sort", dir_ / "in", dir_ / "lines")).out;
  }
};

TEST_F(ExtractMixedTest, ReadsADirectoryOfAllFormats) {
  const std::string page = fmt::format("<p>{}</p>", kSentences);
  Write("a.html", page);
  Write("b.warc.gz",
        GzipOf(Response("http://b/", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page,
                        "WARC-Record-ID: <urn:b>\r\n")));
  Write("c.txt", "<p>No & markup.");
  Write("d.jsonl", "{\"id\": \"d1\", \"html\": \"" + page + "\"}\nbad\n" +
                       "{\"id\": \"d2\", \"html\": null, \"text\": \"<p>A text.\"}\n");
  Write("e.wet.zst", ZstdOf(WarcRecord("conversion", "http://e/", "text/plain", "Plain text.\n",
                                       "WARC-Record-ID: <urn:e>\r\n")));
  Write("f.json.gz", GzipOf("{\"id\": \"f\", \"text\": \"In a line.\"}\n"));
  Write("g.png", std::string("\x89PNG\0\0\0\0", 8));
  Write("sub/h", page);
  const Outcome outcome = Run(ExtractSpec("mixed"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const auto text = [](const std::string& id, const std::string& is) {
    return fmt::format("{{\"id\": \"{}\", \"text\": \"{}\"}}\n", id, is);
  };
  const std::string body = std::string(kSentences) + "\\n";
  EXPECT_EQ(Sorted(Output()),
            text("a.html", body) + text("c.txt", "<p>No & markup.") + text("d1", body) +
                text("d2", "<p>A text.") + text("f", "In a line.") + text("sub/h", body) +
                "{\"id\": \"urn:b\", \"url\": \"http://b/\", \"domain\": \"b\", \"text\": \"" +
                body + "\"}\n" +
                "{\"id\": \"urn:e\", \"url\": \"http://e/\", \"domain\": \"e\", \"text\": "
                "\"Plain text.\\n\"}\n");
  EXPECT_EQ(Sorted(Rejected()),
            "{\"id\": \"g.png\", \"text\": \"\", \"rejected\": {\"rule\": \"extract.binary\"}}\n");
  for (const char* counter :
       {"user.pages = 9", "user.pages_with_text = 8", "user.lines_without_a_page = 1",
        "user.lines_of_text = 2", "user.files_of_text = 1", "user.pages_that_are_binary = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

TEST_F(ExtractMixedTest, SaysTheSameOfCrawlsAsTheFormatWarc) {
  std::string members;
  for (int i = 0; i < 50; ++i) {
    members += GzipOf(Response(fmt::format("http://h/{}", i),
                               fmt::format("HTTP/1.1 200 OK\r\n\r\n<p>{} {}", i, kSentences)));
  }
  Write("a.warc.gz", members);
  Write("b.warc", Response("http://b/", "HTTP/1.1 404 No\r\n\r\n<p>x"));
  std::string outputs[2];
  for (const std::string format : {"warc", "mixed"}) {
    pb::JobSpec spec = ExtractSpec(format);
    spec.mutable_limits()->set_split_bytes(1000);
    ExpectSucceeds(spec);
    outputs[format == "mixed"] = Output() + Rejected() + Shell("ls " + dir_ / "out").out;
  }
  EXPECT_EQ(outputs[0], outputs[1]);
  EXPECT_THAT(outputs[1], HasSubstr("http://h/49"));
}

TEST_F(ExtractMixedTest, ACrawlWhoseNameDoesNotSaySoIsNotLost) {
  Write("a.html", "<p>x");
  Write("crawl.gz", GzipOf(Response("http://b/", "HTTP/1.1 200 OK\r\n\r\n<p>x")));
  const Outcome outcome = Run(ExtractSpec("mixed"));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("in/crawl.gz: is a WARC file, and its name does not say so"));
  EXPECT_THAT(outcome.out, HasSubstr("--set extract.input.format=warc"));
}

TEST_F(ExtractMixedTest, AFileThatIsNotWhatItsNameSaysIsSetAside) {
  Write("a.html", "<p>x");
  Write("b.warc", "<html>Not found");
  for (const char* const format : {"mixed", "warc"}) {
    if (std::string_view(format) == "warc") Shell("rm " + dir_ / "in/a.html");
    const Outcome outcome = Run(ExtractSpec(format));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("passed over (no_warc 1)"));
    EXPECT_THAT(outcome.out, HasSubstr("in/b.warc"));
  }
}

TEST_F(ExtractMixedTest, AnInputOfAnotherFormatIsRefused) {
  Write("a.html", "<p>x");
  Write("b.html", "<p>y");
  const Outcome outcome = Run(ExtractSpec("warc"));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr(".html: is no WARC file"));
  EXPECT_THAT(outcome.out, HasSubstr("Try: the format of the file"));
}

TEST_F(ExtractJobTest, ParametersAreChecked) {
  std::ofstream(dir_ / "in") << "<p>x";
  pb::JobSpec spec = ExtractSpec("whole");
  (*spec.mutable_params())["content"] = "some";
  const Outcome outcome = Run(spec);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("params.content = 'some': must be main or all"));
}

}  // namespace
}  // namespace quern::mr
