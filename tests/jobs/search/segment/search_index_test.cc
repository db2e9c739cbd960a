// The search-index job, whole local runs: together its segments hold what one of all documents
// does.
#include <gmock/gmock.h>

#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include "jobs/search/segment/dates.h"
#include "jobs/search/segment/segment.h"
#include "jobs/search/segment/segment_builder.h"
#include "jobs/text/page.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using search::FieldNumber;
using search::IndexedDocument;
using search::Segment;
using ::testing::HasSubstr;

// Of a term: by id of the document, its positions.
using Postings = std::map<std::string, std::vector<uint32_t>>;

class SearchIndexTest : public LocalJobsTest {
 protected:
  pb::JobSpec IndexSpec(const std::string& input, uint32_t segments,
                        const std::string& format = "jsonl") {
    pb::JobSpec spec = Spec("search_index", input);
    spec.mutable_inputs(0)->set_format(format);
    spec.mutable_reduce()->set_tasks(segments);
    spec.mutable_reduce()->set_partitioner("SegmentPartitioner");
    spec.mutable_output()->set_format("bytes");
    return spec;
  }

  // Ids in no order.
  std::vector<IndexedDocument> MakeDocuments(size_t count) {
    std::vector<IndexedDocument> documents(count);
    for (size_t i = 0; i < count; ++i) {
      IndexedDocument& document = documents[i];
      document.id = std::to_string(i * 7919 % count);
      document.title = "number " + document.id;
      document.date = "2026-11-28";
      for (uint64_t left = 20 + Below(200); left > 0; --left) {
        document.text += "Word" + std::to_string(Below(1 + Below(400)));
        document.text += left % 9 == 0 ? ". " : " ";
      }
    }
    return documents;
  }

  std::string Write(const std::vector<IndexedDocument>& documents) {
    std::ofstream lines(dir_ / "in", std::ios::binary);
    for (const IndexedDocument& document : documents) {
      lines << fmt::format(R"({{"id": "{}", "title": "{}", "text": "{}", "date": "{}"}})",
                           document.id, document.title, document.text, document.date)
            << "\n";
    }
    return dir_ / "in";
  }

  std::vector<std::unique_ptr<Segment>> OpenSegments(uint32_t count) {
    std::vector<std::unique_ptr<Segment>> segments;
    for (uint32_t i = 0; i < count; ++i) {
      auto segment = Segment::OpenFile(fmt::format("{}/out/part-r-{:05}", dir_.path(), i));
      EXPECT_TRUE(segment.ok()) << segment.status();
      if (segment.ok()) segments.push_back(*std::move(segment));
    }
    return segments;
  }

  static void AddPostings(const Segment& segment, FieldNumber field, std::string_view term,
                          Postings* postings) {
    const auto info = segment.Find(field, term);
    if (!info.has_value()) return;
    uint32_t count = 0;
    for (auto cursor = segment.Postings(*info); cursor.doc() != search::kNoMoreDocuments;
         cursor.Next(), ++count) {
      std::vector<uint32_t> positions;
      cursor.Positions(&positions);
      EXPECT_EQ(positions.size(), cursor.frequency());
      EXPECT_TRUE(postings->emplace(segment.id(cursor.doc()), positions).second);
    }
    EXPECT_EQ(count, info->document_frequency);
  }

  static void ExpectSameIndex(const Segment& whole,
                              const std::vector<std::unique_ptr<Segment>>& parts) {
    uint64_t documents = 0;
    std::set<std::pair<FieldNumber, std::string>> terms;
    for (const auto& part : parts) {
      documents += part->documents();
      for (FieldNumber field = 0; field < 2; ++field) {
        for (auto term = part->Prefix(field, ""); term.valid(); term.Next()) {
          terms.emplace(field, term.term());
        }
      }
      for (uint32_t doc = 1; doc < part->documents(); ++doc) {
        ASSERT_LT(part->id(doc - 1), part->id(doc));
      }
    }
    EXPECT_EQ(documents, whole.documents());
    for (FieldNumber field = 0; field < 2; ++field) {
      uint64_t total = 0;
      for (const auto& part : parts) total += part->total_length(field);
      EXPECT_EQ(total, whole.total_length(field));
      for (auto term = whole.Prefix(field, ""); term.valid(); term.Next()) {
        Postings expected, found;
        AddPostings(whole, field, term.term(), &expected);
        for (const auto& part : parts) AddPostings(*part, field, term.term(), &found);
        ASSERT_EQ(found, expected) << term.term();
        ASSERT_EQ(terms.erase({field, std::string(term.term())}), 1u);
      }
    }
    EXPECT_TRUE(terms.empty()) << terms.begin()->second;
  }
};

TEST_F(SearchIndexTest, SegmentsTogetherHoldWhatOneDoes) {
  const auto documents = MakeDocuments(3000);
  search::SegmentBuilder builder({});
  for (const auto& document : documents) builder.Add(document);
  const std::string bytes = builder.Finish();
  const auto whole = Segment::Open(bytes);
  ASSERT_TRUE(whole.ok()) << whole.status();
  pb::JobSpec spec = IndexSpec(Write(documents), 3);
  spec.mutable_limits()->set_split_bytes(300 << 10);
  ExpectSucceeds(spec);
  const auto parts = OpenSegments(3);
  ASSERT_EQ(parts.size(), 3u);
  for (const auto& part : parts) EXPECT_GT(part->documents(), 300u);
  ExpectSameIndex(**whole, parts);
  const auto stored = parts[0]->Stored(5);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->title, "number " + stored->id);
}

TEST_F(SearchIndexTest, OneSegmentEqualsThatOfTheBuilder) {
  auto documents = MakeDocuments(500);
  search::SegmentBuilder builder({});
  for (const auto& document : documents) builder.Add(document);
  ExpectSucceeds(IndexSpec(Write(documents), 1));
  std::ifstream file(dir_ / "out/part-r-00000", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_TRUE(bytes == builder.Finish());
}

TEST_F(SearchIndexTest, ReadsFilesAndPages) {
  std::filesystem::create_directory(dir_ / "files");
  std::ofstream(dir_ / "files/a.txt") << "Plain words";
  std::ofstream(dir_ / "files/b.html")
      << "<!DOCTYPE html><html lang=de><title>Seite</title><p>" << std::string(40, 'x')
      << " steht hier, und das ist ein ganzer Satz, der lang genug ist. Noch einer folgt ihm.</p>";
  std::ofstream(dir_ / "files/b2.txt") << "<!-- saved --><!DOCTYPE html><p>Apples</p>";
  std::ofstream(dir_ / "files/b3.HTM") << "<p>Pears</p>";
  std::ofstream(dir_ / "files/c.png", std::ios::binary) << std::string("\x89PNG\0\0\0", 7);
  pb::JobSpec spec = IndexSpec(dir_ / "files", 1, "whole");
  ExpectSucceeds(spec);
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  const Segment& segment = *segments[0];
  ASSERT_EQ(segment.documents(), 4u);
  EXPECT_TRUE(segment.id(0).ends_with("/files/a.txt"));
  for (const char* const tag : {"p", "doctype", "saved"}) {
    EXPECT_FALSE(segment.Find(*segment.FindField("body"), tag).has_value()) << tag;
  }
  EXPECT_TRUE(segment.Find(*segment.FindField("body"), "plain").has_value());
  EXPECT_TRUE(segment.Find(*segment.FindField("title"), "seite").has_value());
  EXPECT_TRUE(segment.Find(*segment.FindField("body"), "satz").has_value());
  EXPECT_EQ(segment.language(1), "de");
}

// With its mark; of ASCII.
std::string Utf16Of(std::string_view text, bool big_endian) {
  std::string bytes = big_endian ? "\xfe\xff" : "\xff\xfe";
  for (const char c : text) {
    bytes += big_endian ? '\0' : c;
    bytes += big_endian ? c : '\0';
  }
  return bytes;
}

// A page of one sentence that says when it was published.
std::string DatedPage(const std::string& date) {
  return "<!DOCTYPE html><html><head><meta name=date content='" + date + "'></head><p>" +
         std::string(40, 'x') +
         " is here, and this is a whole sentence, which is long enough. Another one follows.</p>";
}

// A record of a WARC file.
std::string CrawledPage(const std::string& url, const std::string& html,
                        const std::string& head = "") {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + head + "\r\n" + html;
  return fmt::format(
      "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {}\r\n"
      "WARC-Date: 2026-11-28T18:00:00Z\r\nContent-Type: application/http; msgtype=response\r\n"
      "Content-Length: {}\r\n\r\n{}\r\n\r\n",
      url, answer.size(), answer);
}

// Nothing in them looks like sentences: what they show is all there is to find them by.
struct PageWithoutArticle {
  std::string html;
  std::string text;
  std::string term;  // one of those it is found by
};

TEST_F(SearchIndexTest, PagesWithoutMainContentGiveAllTheirText) {
  const std::vector<PageWithoutArticle> pages = {
      {"<html><head><title>Short</title></head><body><p>Apple pie</p></body></html>", "Apple pie\n",
       "pie"},
      {"<!DOCTYPE html><title>List</title><style>p {}</style><h1>Grain</h1><ul><li><a href=/1>Corn"
       "</a><li>Rye</ul><div hidden>Oats</div><script>var oats</script>",
       "Grain\nCorn\nRye\n", "rye"},
      {"<!DOCTYPE html><title>Table</title><table><tr><th>Fruit<th>Price<tr><td>Plums<td>3 euros"
       "</table>",
       "Fruit\nPrice\nPlums\n3 euros\n", "plums"},
      {"<!DOCTYPE html><title>Commands</title><pre>mount  /srv\numount /srv</pre>",
       "mount  /srv\numount /srv\n", "umount"},
      {"<!DOCTYPE html><html lang=zh><meta charset=utf-8><title>水果</title><p>苹果很甜。</p>",
       "苹果很甜。\n", "苹果"}};
  std::filesystem::create_directory(dir_ / "files");
  for (size_t i = 0; i < pages.size(); ++i) {
    std::ofstream(dir_ / fmt::format("files/{}.html", i), std::ios::binary) << pages[i].html;
  }
  std::ofstream(dir_ / "files/z.html") << DatedPage("2024-05-17") << "<footer>Imprint</footer>";
  pb::JobSpec spec = IndexSpec(dir_ / "files", 1, "whole");
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("user.documents_with_all_text = 5"));
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  const Segment& segment = *segments[0];
  ASSERT_EQ(segment.documents(), pages.size() + 1);
  const FieldNumber body = *segment.FindField("body");
  for (uint32_t doc = 0; doc < pages.size(); ++doc) {
    const auto stored = segment.Stored(doc);
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(stored->text, pages[doc].text);
    EXPECT_TRUE(segment.Find(body, pages[doc].term).has_value()) << pages[doc].term;
  }
  EXPECT_EQ(segment.language(4), "zh");
  EXPECT_FALSE(segment.Find(body, "oats").has_value());
  EXPECT_FALSE(segment.Find(body, "imprint").has_value());
}

TEST_F(SearchIndexTest, AllTextOfPagesIsIndexedWhereTheJobSaysSo) {
  std::ofstream(dir_ / "in", std::ios::binary) << CrawledPage(
      "http://a/", DatedPage("2024-05-17") + "<footer>Plums</footer><script>var oats</script>");
  pb::JobSpec spec = IndexSpec(dir_ / "in", 1, "warc");
  spec.mutable_output()->set_overwrite(true);
  for (const char* content : {"main", "all"}) {
    (*spec.mutable_params())["content"] = content;
    EXPECT_THAT(Run(spec).out, HasSubstr("user.documents_with_all_text = 0"));
    const auto segments = OpenSegments(1);
    ASSERT_EQ(segments.size(), 1u);
    const FieldNumber body = *segments[0]->FindField("body");
    EXPECT_EQ(segments[0]->Find(body, "plums").has_value(), content == std::string("all"));
    EXPECT_FALSE(segments[0]->Find(body, "oats").has_value());
  }
}

TEST_F(SearchIndexTest, CrawledPagesWithoutAnyTextAreCounted) {
  std::ofstream(dir_ / "in", std::ios::binary)
      << CrawledPage("http://a/", "<p>Apple pie</p>")
      << CrawledPage("http://b/", "<title>Only a title</title><script>var pie</script>")
      << CrawledPage("http://c/", "<style>p {}</style>")
      << CrawledPage("http://d/", "\x8b\x10\x80\xe9 <p>", "Content-Encoding: br\r\n");
  pb::JobSpec spec = IndexSpec(dir_ / "in", 1, "warc");
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  for (const char* counter :
       {"user.documents = 2", "user.documents_with_all_text = 1", "user.documents_without_text = 1",
        "user.documents_that_are_binary = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 2u);
  const auto pie = segments[0]->Find(*segments[0]->FindField("body"), "pie");
  ASSERT_TRUE(pie.has_value());
  EXPECT_EQ(pie->document_frequency, 1u);
}

// Every other byte of them is zero.
TEST_F(SearchIndexTest, FilesInUtf16AreNotBinary) {
  std::filesystem::create_directory(dir_ / "files");
  const std::string page = DatedPage("2024-05-17");
  for (const bool big_endian : {false, true}) {
    const std::string name = big_endian ? "b" : "l";
    std::ofstream(dir_ / ("files/" + name + ".html"), std::ios::binary)
        << Utf16Of(page, big_endian);
    std::ofstream(dir_ / ("files/" + name + ".txt"), std::ios::binary)
        << Utf16Of("Plain words", big_endian);
  }
  pb::JobSpec spec = IndexSpec(dir_ / "files", 1, "whole");
  ExpectSucceeds(spec);
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 4u);
  const std::string wanted = text::ReadPage(page, {}).text;
  for (const uint32_t doc : {0u, 2u}) {
    EXPECT_TRUE(segments[0]->id(doc).ends_with(".html")) << segments[0]->id(doc);
    const auto html = segments[0]->Stored(doc);
    ASSERT_TRUE(html.ok()) << html.status();
    EXPECT_EQ(html->text, wanted);
    EXPECT_TRUE(segments[0]->date(doc).has_value());
    const auto plain = segments[0]->Stored(doc + 1);
    ASSERT_TRUE(plain.ok()) << plain.status();
    EXPECT_EQ(plain->text, "Plain words");
  }
}

// The mark of UTF-32 begins like that of UTF-16.
TEST_F(SearchIndexTest, FilesThatOnlyBeginLikeUtf16AreBinary) {
  std::filesystem::create_directory(dir_ / "files");
  std::string wide("\xff\xfe\0\0", 4);
  for (const char c : std::string_view("Plain words")) wide += {c, '\0', '\0', '\0'};
  std::ofstream(dir_ / "files/a.txt") << "Plain words";
  std::ofstream(dir_ / "files/b.txt", std::ios::binary) << wide;
  std::ofstream(dir_ / "files/c.dat", std::ios::binary)
      << Utf16Of("Plain", /*big_endian=*/false) << std::string("\0\0\1\2", 4);
  pb::JobSpec spec = IndexSpec(dir_ / "files", 1, "whole");
  ExpectSucceeds(spec);
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 1u);
  EXPECT_TRUE(segments[0]->id(0).ends_with("a.txt")) << segments[0]->id(0);
}

TEST_F(SearchIndexTest, DatesOfPagesAreFoundInEitherForm) {
  std::filesystem::create_directory(dir_ / "files");
  std::ofstream(dir_ / "files/a.html") << DatedPage("2024/05/17");
  std::ofstream(dir_ / "files/b.html") << DatedPage("2024-05-17T08:00:00Z");
  std::ofstream(dir_ / "files/c.html") << DatedPage("2024-02-30");
  pb::JobSpec spec = IndexSpec(dir_ / "files", 1, "whole");
  ExpectSucceeds(spec);
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 3u);
  EXPECT_EQ(segments[0]->date(0), search::ParseDate("2024-05-17"));
  EXPECT_EQ(segments[0]->date(1), search::ParseDate("2024-05-17"));
  EXPECT_FALSE(segments[0]->date(2).has_value());
}

// When it was fetched, where the page does not say.
TEST_F(SearchIndexTest, DatesOfCrawledPagesAreThoseOfThePageOrOfTheCrawl) {
  std::ofstream(dir_ / "in", std::ios::binary) << CrawledPage("http://a/", DatedPage("2024/05/17"))
                                               << CrawledPage("http://b/", DatedPage("2024/02/30"));
  pb::JobSpec spec = IndexSpec(dir_ / "in", 1, "warc");
  ExpectSucceeds(spec);
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 2u);
  EXPECT_EQ(segments[0]->date(0), search::ParseDate("2024-05-17"));
  EXPECT_EQ(segments[0]->date(1), search::ParseDate("2026-11-28"));
}

// Corpora have dates as their pages had them.
TEST_F(SearchIndexTest, DatesOfJsonMayHaveSlashes) {
  std::ofstream(dir_ / "in") << R"({"id": "a", "text": "x", "date": "2024/05/17"})"
                             << "\n"
                             << R"({"id": "b", "text": "x", "date": "2024/05-17"})"
                             << "\n";
  ExpectSucceeds(IndexSpec(dir_ / "in", 1));
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 2u);
  EXPECT_EQ(segments[0]->date(0), search::ParseDate("2024-05-17"));
  EXPECT_FALSE(segments[0]->date(1).has_value());
}

// Of 450 MB of blanks no more is held than goes into the index.
TEST_F(SearchIndexTest, LongFilesAreCutBeforeTheyAreCopied) {
  std::filesystem::create_directory(dir_ / "files");
  Shell(fmt::format("(printf words; head -c 450000000 /dev/zero | tr '\\0' ' ') | gzip -1 > {}",
                    dir_ / "files/a.txt.gz"));
  pb::JobSpec spec = IndexSpec(dir_ / "files", 1, "whole");
  (*spec.mutable_params())["stored"] = "false";
  EXPECT_THAT(RunWithin(400, spec), HasSubstr("user.documents_cut = 1"));
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 1u);
  EXPECT_TRUE(segments[0]->Find(*segments[0]->FindField("body"), "words").has_value());
}

TEST_F(SearchIndexTest, LongTextsAreCutBetweenCharacters) {
  constexpr size_t kMostBytes = 64 << 20;
  std::string text = "words";
  text.resize(kMostBytes - 1, ' ');
  std::ofstream(dir_ / "in") << R"({"id": "a", "text": ")" << text << R"(\u00e9 and more"})"
                             << "\n";
  pb::JobSpec spec = IndexSpec(dir_ / "in", 1);
  spec.mutable_limits()->set_memory_bytes(512 << 20);
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("user.documents_cut = 1"));
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  const auto stored = segments[0]->Stored(0);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(stored->text == text) << stored->text.size();
}

// It is held for all documents of a segment at once.
TEST_F(SearchIndexTest, WhatADocumentSaysOfItselfHasALimit) {
  const std::string much(1'000'000, 'x');
  std::ofstream(dir_ / "in") << R"({"id": "a", "text": "words", "title": ")" << much
                             << R"(", "lang": ")" << much << R"(", "date": "2026-11-28)" << much
                             << "\"}\n";
  EXPECT_THAT(RunWithin(400, IndexSpec(dir_ / "in", 1)), HasSubstr("user.documents_cut = 1"));
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0]->language(0), "");
  EXPECT_TRUE(segments[0]->date(0).has_value());
  const auto stored = segments[0]->Stored(0);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->title.size(), size_t{64} << 10);
  EXPECT_EQ(stored->language, "");
  EXPECT_EQ(stored->date.size(), 100u);
}

TEST_F(SearchIndexTest, NumbersAreIdsAndWhatIsNoJsonIsNone) {
  std::ofstream(dir_ / "in") << "{\"id\": 17, \"text\": \"a\"}\n{\"id\": -abc, \"text\": \"b\"}\n";
  ExpectSucceeds(IndexSpec(dir_ / "in", 1));
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 2u);
  EXPECT_EQ(segments[0]->id(0), "17");
  EXPECT_TRUE(segments[0]->id(1).ends_with("/in:24")) << segments[0]->id(1);
}

// The job shards puts it there; a document's own title goes first.
TEST_F(SearchIndexTest, TitlesOfShardsAreFound) {
  std::ofstream(dir_ / "documents")
      << R"({"id": "a", "url": "http://h/", "title": "Mills", "text": "corn", "lang": "en"})"
      << "\n";
  pb::JobSpec shards = Spec("shards", dir_ / "documents");
  shards.mutable_inputs(0)->set_format("jsonl");
  shards.mutable_output()->set_path("file://" + dir_ / "shards");
  shards.mutable_output()->set_format("raw");
  shards.mutable_reduce()->set_tasks(1);
  shards.mutable_reduce()->set_partitioner("ShardPartitioner");
  const Outcome outcome = Run(shards);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  std::ofstream(dir_ / "in") << R"({"id": "b", "title": "Own", "meta": {"title": "Other"}})"
                             << "\n"
                             << R"({"id": "c", "text": "x", "meta": "title"})"
                             << "\n";
  Shell(fmt::format("cat {0}/shards/part-* >> {0}/in", dir_.path()));
  ExpectSucceeds(IndexSpec(dir_ / "in", 1));
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  ASSERT_EQ(segments[0]->documents(), 3u);
  const FieldNumber title = *segments[0]->FindField("title");
  EXPECT_TRUE(segments[0]->Find(title, "mills").has_value());
  EXPECT_TRUE(segments[0]->Find(title, "own").has_value());
  EXPECT_FALSE(segments[0]->Find(title, "other").has_value());
  EXPECT_FALSE(segments[0]->Find(title, "title").has_value());
}

TEST_F(SearchIndexTest, StemsWhenAskedTo) {
  std::ofstream(dir_ / "in") << R"({"id": "a", "text": "connections connected"})"
                             << "\n";
  pb::JobSpec spec = IndexSpec(dir_ / "in", 1);
  (*spec.mutable_params())["lang"] = "english";
  (*spec.mutable_params())["stem"] = "true";
  (*spec.mutable_params())["fields"] = "body";
  (*spec.mutable_params())["stored"] = "false";
  ExpectSucceeds(spec);
  const auto segments = OpenSegments(1);
  ASSERT_EQ(segments.size(), 1u);
  const auto info = segments[0]->Find(0, "connect");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(segments[0]->Postings(*info).frequency(), 2u);
  EXPECT_EQ(segments[0]->meta().analysis.language, "english");
  EXPECT_FALSE(segments[0]->Stored(0).ok());
}

TEST_F(SearchIndexTest, RefusesWhatItCannotDo) {
  const std::string input = Write(MakeDocuments(3));
  const auto refused = [&](const std::string& name, const std::string& value) {
    pb::JobSpec spec = IndexSpec(input, 1);
    (*spec.mutable_params())[name] = value;
    const Outcome outcome = Run(spec);
    EXPECT_NE(outcome.exit_code, 0);
    return outcome.out;
  };
  EXPECT_THAT(refused("fields", "title,subject"), HasSubstr("'subject' is none of title"));
  EXPECT_THAT(refused("stem", "true"), HasSubstr("no stemmer for ''"));
  EXPECT_THAT(refused("lang", "english"), HasSubstr("params.lang: changes nothing without"));
  EXPECT_THAT(refused("stored", "yes"), HasSubstr("must be true or false"));
}

}  // namespace
}  // namespace quern::mr
