// An index in files, asked over HTTP, exchanged while it is asked.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "jobs/search/segment/index_manifest.h"
#include "jobs/search/segment/segment_builder.h"
#include "jobs/search/serving/live_index.h"
#include "jobs/search/serving/search_pages.h"
#include "tests/support/temp_dir.h"

namespace quern::search {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class ServingTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, std::string_view bytes) {
    // As whoever publishes an index does: by a rename.
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path + ".new", std::ios::binary) << bytes;
    std::filesystem::rename(path + ".new", path);
  }

  // An index of one segment, with these texts under the ids d0, d1, ...
  void WriteIndex(const std::vector<std::string>& texts, bool stored = true) {
    SegmentBuilderOptions options;
    options.stored = stored;
    SegmentBuilder builder(options);
    for (size_t i = 0; i < texts.size(); ++i) {
      IndexedDocument document;
      document.id = "d" + std::to_string(i);
      document.title = "Title <" + std::to_string(i) + ">";
      document.url = i == 0 ? "https://h/0?a=1&b=2" : "javascript:alert(1)";
      document.text = texts[i];
      document.language = i == 0 ? "zh-Hant" : "";
      document.date = i == 0 ? "2024-02-29" : "";
      builder.Add(document);
    }
    const std::string bytes = builder.Finish();
    const std::string name = "segment-" + std::to_string(++generation_);
    Write(name, bytes);
    const auto segment = Segment::Open(bytes);
    IndexManifest manifest;
    ASSERT_TRUE(AddSegment(name, (*segment)->meta(), &manifest).ok());
    manifest.generation = generation_;
    Write("index.json", FormatIndexManifest(manifest));
  }

  std::unique_ptr<IndexFiles> Files() { return *OpenIndexFiles("file://" + dir_.path() + "/", {}); }

  void Start() {
    auto live = LiveIndex::Open(Files());
    ASSERT_TRUE(live.ok()) << live.status();
    live_ = *std::move(live);
    answerer_ = std::make_unique<LocalAnswerer>(live_.get(), &pool_);
    pages_ = std::make_unique<SearchPages>(
        SearchPagesOptions{.answerer = answerer_.get(), .metrics = &metrics_, .name = "test"});
  }

  HttpResponse Get(const std::string& path, const std::string& q, const std::string& k = "") {
    HttpRequest request{.path = path};
    if (!q.empty()) request.params.emplace("q", q);
    if (!k.empty()) request.params.emplace("k", k);
    for (const HttpRoute& route : pages_->Routes()) {
      if (route.path == path) return route.handler(request);
    }
    return {.status = 404};
  }

  TempDir dir_;
  uint64_t generation_ = 0;
  std::unique_ptr<LiveIndex> live_;
  WorkPool pool_{1};
  std::unique_ptr<LocalAnswerer> answerer_;
  Metrics metrics_;
  std::unique_ptr<SearchPages> pages_;
};

TEST_F(ServingTest, AnswersAsJson) {
  WriteIndex({"free software", "free beer"});
  Start();
  const HttpResponse answer = Get("/search", "free +software");
  EXPECT_EQ(answer.status, 200);
  const Json json = Json::parse(answer.body);
  EXPECT_EQ(json["query"], "free +software");
  ASSERT_EQ(json["hits"].size(), 1u);
  EXPECT_EQ(json["hits"][0]["id"], "d0");
  EXPECT_EQ(json["hits"][0]["title"], "Title <0>");
  EXPECT_GT(json["hits"][0]["score"], 0.1);
  EXPECT_EQ(json["hits"][0]["snippet"], Json::parse(R"([{"text":"free","match":true},{"text":" "},
                            {"text":"software","match":true}])"));
  EXPECT_EQ(Json::parse(Get("/search", "free", "1").body)["hits"].size(), 1u);
}

TEST_F(ServingTest, AnAnswerHoldsNoTexts) {
  WriteIndex({"free software", "free beer"});
  Start();
  const auto answer = AnswerQuery(*live_->current(), "free", {});
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->hits.size(), 2u);
  for (const AnswerHit& hit : answer->hits) {
    EXPECT_FALSE(hit.snippet.empty());
    EXPECT_EQ(hit.document.text, "");
    EXPECT_LE(hit.document.text.capacity(), std::string().capacity());
  }
}

TEST_F(ServingTest, AQueryWithoutAWordIsNoneThatFindsNothing) {
  WriteIndex({"free software"});
  Start();
  for (const char* query : {"", " ", "()", "\"\"", "...", "( () )"}) {
    const auto answer = AnswerQuery(*live_->current(), query, {});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_TRUE(answer->asks_nothing) << query;
    EXPECT_TRUE(answer->hits.empty()) << query;
  }
  for (const char* query : {"free", "nonsense", "*", "-free", "lang:de", "nons*"}) {
    const auto answer = AnswerQuery(*live_->current(), query, {});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_FALSE(answer->asks_nothing) << query;
  }
  EXPECT_NE(Get("/", "()").body.find("The query has no word to search for."), std::string::npos);
}

TEST_F(ServingTest, SaysWhatIsWrongWithAQuery) {
  WriteIndex({"free software"});
  Start();
  for (const auto& [q, k, message] : {std::tuple{"a (b", "", "character 3 of the query"},
                                      {"free", "0", "k: '0' is not"},
                                      {"free", "99999", "k: '99999' is not"}}) {
    const HttpResponse answer = Get("/search", q, k);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(std::string(Json::parse(answer.body)["error"]["message"]), HasSubstr(message));
  }
  const HttpResponse page = Get("/", "a (b");
  EXPECT_EQ(page.status, 400);
  EXPECT_THAT(page.body, HasSubstr("role=\"alert\">character 3 of the query"));
  EXPECT_THAT(metrics_.Render(), HasSubstr("quern_search_queries_total{end=\"refused\"} 2"));
}

TEST_F(ServingTest, ThePageEscapesWhatDocumentsAndUsersWrite) {
  WriteIndex({"free <script>alert(1)</script>", "free beer"});
  Start();
  const std::string page = Get("/", "free \"\"><script>").body;
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("<mark>free</mark> &lt;<mark>script</mark>&gt;alert"));
  EXPECT_THAT(page,
              HasSubstr("<a dir=\"auto\" href=\"https://h/0?a=1&amp;b=2\">Title &lt;0&gt;</a>"));
  EXPECT_THAT(page, HasSubstr("<li id=\"hit1\"><div lang=\"zh-Hant\"><a "));
  // What is no web address is no link.
  EXPECT_THAT(page, Not(HasSubstr("href=\"javascript")));
  EXPECT_THAT(Get("/", "").body, HasSubstr("aria-label=\"Search for\""));
  EXPECT_THAT(Get("/", "nonsense").body, HasSubstr("No document matches"));
}

TEST_F(ServingTest, ThePageShowsMoreWhereThereIsMore) {
  WriteIndex(std::vector<std::string>(12, "free text"));
  Start();
  const std::string ten = Get("/", "free te*").body;
  EXPECT_THAT(ten, HasSubstr("<li id=\"hit10\">"));
  EXPECT_THAT(ten, HasSubstr("<a href=\"/?q=%66%72%65%65%20%74%65%2A&amp;k=30#hit11\">More</a>"));
  const std::string all = Get("/", "free te*", "30").body;
  EXPECT_THAT(all, HasSubstr("<li id=\"hit12\">"));
  EXPECT_THAT(all, Not(HasSubstr("More</a>")));
  EXPECT_THAT(Get("/", "").body, HasSubstr("<p>12 documents in 1 segment.</p>"));
}

TEST_F(ServingTest, AnIndexWithoutTextsIsAskedAllTheSame) {
  WriteIndex({"free software"}, false);
  Start();
  const Json json = Json::parse(Get("/search", "free").body);
  EXPECT_EQ(json["hits"][0]["id"], "d0");
  EXPECT_FALSE(json["hits"][0].contains("snippet"));
  // What the segment has all the same.
  EXPECT_EQ(json["hits"][0]["url"], "https://h/0?a=1&b=2");
  EXPECT_EQ(json["hits"][0]["lang"], "zh-Hant");
  EXPECT_EQ(json["hits"][0]["date"], "2024-02-29");
}

TEST_F(ServingTest, TakesANewIndexAndKeepsTheOldOneWhenItIsDamaged) {
  WriteIndex({"old words"});
  Start();
  EXPECT_EQ(*live_->Refresh(), false);
  const auto held = live_->current();
  WriteIndex({"new words", "more words"});
  EXPECT_EQ(*live_->Refresh(), true);
  EXPECT_EQ(live_->current()->documents(), 2u);
  EXPECT_EQ(held->documents(), 1u);
  EXPECT_EQ(Json::parse(Get("/search", "new").body)["hits"].size(), 1u);
  EXPECT_THAT(metrics_.Render(), HasSubstr("quern_search_documents 2"));

  Write("index.json", "{");
  EXPECT_EQ(live_->Refresh().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(live_->current()->documents(), 2u);
  std::filesystem::remove(dir_.path() + "/index.json");
  EXPECT_EQ(live_->Refresh().status().code(), absl::StatusCode::kNotFound);
  WriteIndex({"third"});
  EXPECT_EQ(*live_->Refresh(), true);
  EXPECT_EQ(live_->current()->documents(), 1u);
}

// Sees when the fetching of files ends, and may do something before one begins.
class WatchedFiles final : public IndexFiles {
 public:
  explicit WatchedFiles(std::unique_ptr<IndexFiles> files) : files_(std::move(files)) {}
  absl::StatusOr<std::string> Identity(std::string_view name) override {
    return files_->Identity(name);
  }
  absl::StatusOr<std::string> Read(std::string_view name) override { return files_->Read(name); }
  absl::StatusOr<std::string> Fetch(std::string_view name) override {
    before_fetch();
    held = true;
    return files_->Fetch(name);
  }
  bool Discard(std::string_view name) override { return files_->Discard(name); }
  void Keep(const std::vector<std::string>& names) override {
    files_->Keep(names);
    ++kept;
    kept_while_held += held;
    held = false;
  }
  void Release() override {
    files_->Release();
    held = false;
  }
  std::string Describe(std::string_view name) const override { return files_->Describe(name); }

  std::function<void()> before_fetch = [] {};
  bool held = false;  // others have to wait
  int kept = 0;
  int kept_while_held = 0;

 private:
  const std::unique_ptr<IndexFiles> files_;
};

// The statistics are those of all, whatever the machine serves.
TEST_F(ServingTest, SomeSegmentsOfAnIndexAreServedAlone) {
  IndexManifest manifest;
  for (int i = 0; i < 3; ++i) {
    SegmentBuilder builder(SegmentBuilderOptions{});
    IndexedDocument document;
    document.id = fmt::format("d{}", i);
    document.text = fmt::format("common word{}", i);
    builder.Add(document);
    const std::string bytes = builder.Finish();
    Write(fmt::format("part-r-0000{}", i), bytes);
    ASSERT_TRUE(
        AddSegment(fmt::format("part-r-0000{}", i), (*Segment::Open(bytes))->meta(), &manifest)
            .ok());
  }
  const auto whole_of_job = [&] {
    Write("_MANIFEST.json", R"({"parts": [{"name": "part-r-00000"}, {"name": "part-r-00001"}, )"
                            R"({"name": "part-r-00002"}]})");
  };
  const auto choice = SegmentChoice::Parse("1-");
  ASSERT_TRUE(choice.ok());
  const auto expect_two = [&] {
    const auto index = OpenIndex(Files().get(), *choice);
    ASSERT_TRUE(index.ok()) << index.status();
    EXPECT_EQ((*index)->documents(), 3u);
    EXPECT_EQ((*index)->segments().size(), 2u);
    EXPECT_EQ((*index)->part().all_segments, 3u);
    EXPECT_THAT((*index)->part().segments, ::testing::ElementsAre(1, 2));
    EXPECT_FALSE((*index)->part().is_whole());
    const auto all = OpenIndex(Files().get());
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_TRUE((*all)->part().is_whole());
    EXPECT_EQ((*all)->part().manifest_hash, (*index)->part().manifest_hash);
    EXPECT_EQ((*all)->average_length(1), (*index)->average_length(1));
  };
  whole_of_job();
  expect_two();
  Write("index.json", FormatIndexManifest(manifest));
  // It need not even be here.
  std::filesystem::remove(dir_ / "part-r-00000");
  EXPECT_TRUE(OpenIndex(Files().get(), *choice).ok());
  EXPECT_FALSE(OpenIndex(Files().get()).ok());
}

// Of a job with more reduce tasks than its documents fill.
TEST_F(ServingTest, SegmentsWithoutDocumentsAreNone) {
  std::string parts;
  for (int i = 0; i < 5; ++i) {
    SegmentBuilder builder(SegmentBuilderOptions{});
    IndexedDocument document;
    document.id = fmt::format("d{}", i);
    document.text = "common";
    if (i % 2 == 1) builder.Add(document);
    Write(fmt::format("part-r-0000{}", i), builder.Finish());
    parts += fmt::format(R"({}{{"name": "part-r-0000{}"}})", i == 0 ? "" : ", ", i);
  }
  Write("_MANIFEST.json", fmt::format(R"({{"parts": [{}]}})", parts));
  const auto all = OpenIndex(Files().get());
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ((*all)->documents(), 2u);
  EXPECT_EQ((*all)->part().all_segments, 2u);
  EXPECT_TRUE((*all)->part().is_whole());
  const auto second = OpenIndex(Files().get(), *SegmentChoice::Parse("1"));
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ((*second)->segments().size(), 1u);
  EXPECT_EQ((*second)->segments()[0]->segment().id(0), "d3");
  EXPECT_EQ((*second)->part().manifest_hash, (*all)->part().manifest_hash);
  // Without any document there is an index all the same, which finds nothing.
  Write("_MANIFEST.json", R"({"parts": [{"name": "part-r-00000"}]})");
  Start();
  EXPECT_EQ(Json::parse(Get("/search", "title:common").body)["hits"].size(), 0u);
  EXPECT_THAT(Get("/", "").body, HasSubstr("0 documents in 0 segments."));
}

TEST_F(ServingTest, ADamagedSegmentIsNotOpened) {
  WriteIndex({"free software"});
  const std::string path = dir_.path() + "/segment-1";
  std::string bytes(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary)
      .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes[bytes.size() / 3] ^= 1;
  Write("segment-1", bytes);
  WatchedFiles files(Files());
  const auto index = OpenIndex(&files);
  EXPECT_EQ(index.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(Message(index.status())), HasSubstr(path));
  // Others that fetch the files of the same index do not wait for this process to end.
  EXPECT_FALSE(files.held);
  EXPECT_EQ(files.kept, 0);
}

TEST_F(ServingTest, ADirectoryThatIsNoIndexIsNamed) {
  const auto message = [this] { return std::string(Message(OpenIndex(Files().get()).status())); };
  EXPECT_EQ(message(), dir_.path() + ": is no search index. Try: mr run search-index IN OUT");
  // Of another job.
  Write("part-r-00000", "free\t2\nsoftware\t1\n");
  Write("_MANIFEST.json", R"({"parts": [{"name": "part-r-00000"}]})");
  EXPECT_EQ(message(),
            fmt::format("{0}: is no search index, or is damaged: {0}/part-r-00000: no segment of a "
                        "search index. Try: mr run search-index IN OUT",
                        dir_.path()));
}

TEST_F(ServingTest, AnIndexThatIsReplacedMeanwhileIsOpenedAnew) {
  WriteIndex({"old"});
  WatchedFiles files(Files());
  int replacements = 1;
  files.before_fetch = [&] {
    if (replacements-- > 0) WriteIndex({"new", "words"});
  };
  const auto index = OpenIndex(&files);
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ((*index)->documents(), 2u);
  EXPECT_FALSE(files.held);
  EXPECT_EQ(files.kept, 1);
  EXPECT_EQ(files.kept_while_held, 0) << "what lies between may take long";
  replacements = 100;
  EXPECT_EQ(OpenIndex(&files).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(files.held);
  EXPECT_EQ(files.kept, 1);
}

TEST(WorkPool, DoesEachPieceOnceFromManyThreads) {
  WorkPool pool(3);
  std::vector<Thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back("caller", [&] {
      for (size_t round = 0; round < 300; ++round) {
        std::vector<std::atomic<int>> done(round % 7);
        pool.RunAll(done.size(), [&](size_t i) { ++done[i]; });
        for (const auto& count : done) wrong += count != 1;
      }
    });
  }
  for (Thread& caller : callers) caller.Join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace quern::search
