// From documents to answers over a real cluster: the job makes an index, commands and a server ask
// it.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/rpc/unary.h"
#include "jobs/search/changing/index_writer.h"
#include "jobs/search/serving/index_files.h"
#include "jobs/search/serving/open_index.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/exchange.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class SearchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 1});
    ASSERT_NE(cluster_, nullptr);
    env_["XDG_CACHE_HOME"] = cluster_->scratch();
  }

  void MakeIndex(const std::string& lines) {
    ASSERT_EQ(cluster_->Dfs({"put", "-f", "-", "/in.jsonl"}, {.stdin_text = lines}).exit_code, 0);
    const CommandResult job = cluster_->Mr(
        {"run", "search-index", "/in.jsonl", "/index", "--reduce", "2", "--overwrite"});
    ASSERT_EQ(job.exit_code, 0) << job.Describe();
  }
  CommandResult Change(std::vector<std::string> words, const std::string& stdin_text = "") {
    words.insert(words.begin(), BinaryPath("quern-search"));
    words.insert(words.end(), {"--master", cluster_->master()});
    return RunCommand(words, {.env = env_, .stdin_text = stdin_text});
  }
  CommandResult Search(std::vector<std::string> words) {
    words.insert(words.begin(), "search");
    return cluster_->Mr(std::move(words), {.env = env_});
  }
  std::vector<std::string> CachedPaths() const {
    std::vector<std::string> paths;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(cluster_->scratch() + "/quern/search")) {
      const bool copy = entry.is_regular_file() && entry.path().filename() != "lock";
      if (copy) paths.push_back(entry.path());
    }
    return paths;
  }
  size_t CachedFiles() const { return CachedPaths().size(); }

  std::unique_ptr<Cluster> cluster_;
  std::map<std::string, std::string> env_;
};

constexpr char kLines[] =
    "{\"id\":\"a\",\"text\":\"free software for everybody\"}\n"
    "{\"id\":\"b\",\"text\":\"free as in beer\",\"lang\":\"en\"}\n"
    "{\"id\":\"c\",\"text\":\"nothing of the kind\"}\n";

TEST_F(SearchTest, AnswersFromTheClusterThroughACopyOfItsOwn) {
  MakeIndex(kLines);
  const CommandResult found = Search({"/index", "free software"});
  EXPECT_EQ(found.exit_code, 0) << found.Describe();
  EXPECT_THAT(found.out, StartsWith("1. a  "));
  EXPECT_THAT(found.out, HasSubstr("*free* *software* for everybody"));
  EXPECT_THAT(found.out, HasSubstr("2. b  "));
  EXPECT_EQ(CachedFiles(), 1u) << "of the segment that has documents";
  // A query that begins with a minus sign is one.
  EXPECT_THAT(Search({"--json", "/index", "--", "-free", "-beer"}).out,
              StartsWith("{\"id\":\"c\","));
  EXPECT_EQ(CachedFiles(), 1u);

  // Another index under the same name: the old copies go.
  MakeIndex("{\"id\":\"z\",\"text\":\"free again\"}\n");
  EXPECT_THAT(Search({"/index", "free"}).out, StartsWith("1. z  "));
  EXPECT_EQ(CachedFiles(), 1u);
}

TEST_F(SearchTest, SaysWhatIsWrong) {
  const CommandResult none = Search({"/nowhere", "free"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, StartsWith("mr search: /nowhere: is no search index. Try: mr run"));
  MakeIndex(kLines);
  const CommandResult wrong = Search({"/index", "free", "(beer"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("character 6 of the query: this bracket is never closed"));
  EXPECT_THAT(wrong.err, StartsWith("mr search: "));
  const CommandResult dash = Search({"/index", "-mill"});
  EXPECT_EQ(dash.exit_code, 2);
  EXPECT_THAT(dash.err, HasSubstr("A query that begins with a dash comes after --: -- -mill"));
  EXPECT_EQ(Search({"index", "free"}).exit_code, 2);
  EXPECT_THAT(Search({"/", "free"}).err, HasSubstr("/: is no search index"));
  EXPECT_EQ(Search({"/index", "free", "-k", "0"}).exit_code, 2);
  const CommandResult words = Change({"words", "/index", "free"});
  EXPECT_EQ(words.exit_code, 1);
  EXPECT_THAT(words.err,
              HasSubstr("one that search-index has made is asked by: quern-search query"));
  const CommandResult empty = Search({"/index", "()"});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.err, HasSubstr("the query has no word to search for"));
  const CommandResult nothing = Search({"/index", "nonsense"});
  EXPECT_EQ(nothing.exit_code, 0);
  EXPECT_EQ(nothing.out, "");
  EXPECT_EQ(nothing.err, "no document matches\n");
}

TEST_F(SearchTest, AnIndexOfWordsIsAskedInTheCluster) {
  ASSERT_EQ(cluster_->Dfs({"put", "-", "/in.jsonl"}, {.stdin_text = kLines}).exit_code, 0);
  const CommandResult job =
      cluster_->Mr({"run", "inverted-index", "/in.jsonl", "/words", "--reduce", "2"});
  ASSERT_EQ(job.exit_code, 0) << job.Describe();
  const CommandResult found = Change({"words", "/words", "FREE", "software"});
  EXPECT_EQ(found.exit_code, 0) << found.Describe();
  EXPECT_EQ(found.out, "2\ta\n");
  EXPECT_EQ(found.err, "1 document\n");
  EXPECT_EQ(Change({"postings", "/words", "--prefix", "be"}).out, "beer\tb\t3\n");
  EXPECT_THAT(Change({"words", "/none", "free"}).err,
              HasSubstr("/none: no index there. Try: mr run inverted-index IN /none"));
}

// Two of one cache: what the first has fetched for nothing must not keep the second waiting.
TEST_F(SearchTest, AnIndexThatDoesNotOpenKeepsNobodyWaiting) {
  MakeIndex(kLines);
  ASSERT_EQ(cluster_->Dfs({"put", "-f", "-", "/index/part-r-00001"}, {.stdin_text = "no segment"})
                .exit_code,
            0);
  const auto files = search::OpenIndexFiles(
      "/index", {.master = cluster_->master(), .cache_dir = cluster_->scratch()});
  ASSERT_TRUE(files.ok()) << files.status();
  const auto opened = search::OpenIndex(files->get());
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss) << opened.status();
  const CommandResult other = Search({"/index", "free"});
  EXPECT_EQ(other.exit_code, 1) << other.Describe();
  EXPECT_THAT(other.err, HasSubstr("/index/part-r-00001"));
}

TEST_F(SearchTest, ADamagedCopyIsFetchedAnew) {
  MakeIndex(kLines);
  const std::string found = Search({"/index", "free"}).out;
  EXPECT_THAT(found, HasSubstr(". a  "));
  const auto damage = [this] {
    const std::vector<std::string> copies = CachedPaths();
    EXPECT_EQ(copies.size(), 1u);
    for (const std::string& copy : copies) {
      std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(100);
      const int byte = file.get();
      file.seekp(100);
      file.put(static_cast<char>(byte ^ 1));
    }
  };
  damage();
  const CommandResult again = Search({"/index", "free"});
  EXPECT_EQ(again.out, found) << again.Describe();
  damage();
  const CommandResult merged = Change({"merge", "/index"});
  EXPECT_EQ(merged.exit_code, 0) << merged.Describe();
  EXPECT_EQ(Search({"/index", "free"}).out, found);
}

// Keep after Release does not wait for whoever fetches meanwhile, nor takes copies from him.
TEST_F(SearchTest, CopiesThatSomebodyFetchesAreLeftAlone) {
  MakeIndex(kLines);
  const search::IndexFilesOptions options = {.master = cluster_->master(),
                                             .cache_dir = cluster_->scratch()};
  const auto first = search::OpenIndexFiles("/index", options);
  const auto second = search::OpenIndexFiles("/index", options);
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  ASSERT_TRUE((*first)->Fetch("part-r-00000").ok());
  (*first)->Release();
  ASSERT_TRUE((*second)->Fetch("part-r-00001").ok());
  (*first)->Keep({});
  EXPECT_EQ(CachedFiles(), 2u);
  (*second)->Release();
  (*first)->Keep({"part-r-00000"});
  EXPECT_EQ(CachedFiles(), 1u);
}

// Each night's documents come under the same name; what is not merged yet is not replaced.
TEST_F(SearchTest, AnIndexGrowsEveryNight) {
  MakeIndex(kLines);
  for (const std::string night : {"first", "second"}) {
    const std::string line = R"({"id":")" + night + R"(","text":"free night"})" + "\n";
    ASSERT_EQ(cluster_->Dfs({"put", "-f", "-", "/in.jsonl"}, {.stdin_text = line}).exit_code, 0);
    const auto make = [&] {
      return cluster_->Mr({"run", "search-index", "/in.jsonl", "/index/new", "--overwrite"});
    };
    const CommandResult made = make();
    ASSERT_EQ(made.exit_code, 0) << made.Describe();
    const CommandResult added = Change({"add", "/index", "new"});
    ASSERT_EQ(added.exit_code, 0) << added.Describe();
    const CommandResult refused = make();
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_THAT(refused.err, HasSubstr("/index/new: index.json in it is not the output of a job"));
    const CommandResult merged = Change({"merge", "/index"});
    ASSERT_EQ(merged.exit_code, 0) << merged.Describe();
    EXPECT_THAT(Search({"/index", "night"}).out, HasSubstr(". " + night + "  "));
  }
  EXPECT_THAT(Search({"/index", "night"}).out, HasSubstr(". first  "));
}

// Lists are made on other systems, too, and their last line may lack its end.
TEST_F(SearchTest, IdsToDeleteComeOneALine) {
  MakeIndex(kLines);
  const CommandResult some = Change({"delete", "/index", "-"}, "a\r\n\r\nno\rsuch\n\nb\r");
  EXPECT_EQ(some.exit_code, 1) << some.Describe();
  EXPECT_THAT(some.err, HasSubstr("2 deleted, 1 not found: no\\rsuch\n"));
  EXPECT_EQ(Search({"/index", "free"}).out, "");
}

// Counts what is waited, and waits for nothing.
class CountingClock final : public Clock {
 public:
  absl::Time TimeNow() override { return now_; }
  absl::Time MonotonicNow() override { return now_; }
  void Sleep(absl::Duration duration) override {
    waits.push_back(duration);
    now_ += duration;
  }
  std::vector<absl::Duration> waits;

 private:
  absl::Time now_ = absl::UnixEpoch();
};

TEST_F(SearchTest, WhoWaitsLooksOftenAtFirstAndSaysItLater) {
  MakeIndex(kLines);
  const auto holder = search::OpenIndexFiles(
      "/index", {.master = cluster_->master(), .cache_dir = cluster_->scratch()});
  ASSERT_TRUE(holder.ok()) << holder.status();
  ASSERT_TRUE((*holder)->Fetch("part-r-00000").ok());
  for (const auto& [longest, lines] :
       {std::pair{absl::Milliseconds(900), 0}, {absl::Seconds(10), 1}}) {
    CountingClock clock;
    const auto stopping = [&, longest = longest] {
      return clock.MonotonicNow() - absl::UnixEpoch() >= longest;
    };
    const auto files = search::OpenIndexFiles("/index", {.master = cluster_->master(),
                                                         .cache_dir = cluster_->scratch(),
                                                         .stopping = stopping,
                                                         .clock = &clock});
    ASSERT_TRUE(files.ok()) << files.status();
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(absl::IsCancelled((*files)->Fetch("part-r-00000").status()));
    const std::string log = ::testing::internal::GetCapturedStderr();
    int said = 0;
    for (size_t at = log.find("index_waits"); at != std::string::npos;
         at = log.find("index_waits", at + 1)) {
      ++said;
    }
    EXPECT_EQ(said, lines) << log;
    ASSERT_GE(clock.waits.size(), 2u);
    EXPECT_LE(clock.waits[0], absl::Milliseconds(1));
    EXPECT_GT(clock.waits[1], clock.waits[0]);
    EXPECT_EQ(*std::max_element(clock.waits.begin(), clock.waits.end()), absl::Milliseconds(100));
  }
}

// How index.json changes: of two who began from the same one the second is told.
TEST_F(SearchTest, OfTwoWhoReplaceAFileOneDoes) {
  const auto writer = search::OpenIndexWriter("/", cluster_->master());
  ASSERT_TRUE(writer.ok()) << writer.status();
  for (const std::string before : {"none", "one"}) {
    auto first = (*writer)->Replace("f");
    auto second = (*writer)->Replace("f");
    ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
    ASSERT_TRUE((*first)->Append("first " + before).ok());
    ASSERT_TRUE((*second)->Append("second " + before).ok());
    EXPECT_TRUE((*second)->Close().ok());
    const absl::Status late = (*first)->Close();
    EXPECT_EQ(late.code(), absl::StatusCode::kAborted) << late;
    EXPECT_EQ(cluster_->Dfs({"cat", "/f"}).out, "second " + before);
  }
}

// Also while another process has the cache, however long that may be.
TEST_F(SearchTest, AServerThatWaitsStopsCleanly) {
  MakeIndex(kLines);
  const auto files = search::OpenIndexFiles(
      "/index", {.master = cluster_->master(), .cache_dir = cluster_->scratch()});
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_TRUE((*files)->Fetch("part-r-00000").ok());
  const std::string log = cluster_->scratch() + "/log";
  const auto server = cluster_->StartCommand(
      {"/bin/sh", "-c",
       "exec " + BinaryPath("quern-search") + " serve /index --http 127.0.0.1:0 2> " + log},
      {.env = env_});
  ASSERT_TRUE(cluster_->Eventually([&] {
    return RunCommand({"cat", log}).out.find("index_waits") != std::string::npos;
  }));
  server->Signal(SIGTERM);
  const CommandResult end = server->Finish();
  EXPECT_EQ(end.exit_code, 0) << end.Describe();
}

// To whatever is asked.
class CancellingMaster final : public dfs::v1::Namespace::Service {
 public:
  CancellingMaster() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~CancellingMaster() override { server_->Shutdown(); }
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  grpc::Status Stat(grpc::ServerContext*, const dfs::v1::StatRequest*,
                    dfs::v1::StatResponse*) override {
    return rpc::AnswerOf(CancelledError("no longer wanted"));
  }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// It waits for a signal only when one has come.
TEST(SearchServer, ACancelledCallIsAnErrorLikeOthers) {
  const CancellingMaster master;
  const CommandResult end = RunCommand({BinaryPath("quern-search"), "serve", "/index", "--http",
                                        "127.0.0.1:0", "--master", master.address()});
  EXPECT_EQ(end.exit_code, 1) << end.Describe();
  EXPECT_THAT(end.err, HasSubstr("no longer wanted"));
}

TEST_F(SearchTest, AServerTakesUpANewIndexAndStopsCleanly) {
  MakeIndex(kLines);
  const std::string ready = cluster_->scratch() + "/ready";
  const auto server = cluster_->StartCommand(
      {"/bin/sh", "-c",
       "exec " + BinaryPath("quern-search") + " serve /index --http 127.0.0.1:0 > " + ready},
      {.env = env_});
  int port = 0;
  ASSERT_TRUE(cluster_->Eventually([&] {
    const std::string line = RunCommand({"cat", ready}).out;
    if (!line.ends_with('\n')) return false;
    port = std::atoi(line.substr(line.rfind(':') + 1).c_str());
    return true;
  }));
  const auto get = [&](const std::string& path) {
    return Exchange(port, "GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                    kForAnAnswer);
  };
  const auto ask = [&] { return get("/search?q=free&k=5"); };
  EXPECT_THAT(ask(), HasSubstr("\"id\":\"b\""));
  EXPECT_THAT(get("/metrics"), HasSubstr("quern_search_documents 3"));
  EXPECT_THAT(get("/search?q=(free"), HasSubstr("400 Bad Request"));
  MakeIndex("{\"id\":\"z\",\"text\":\"free again\"}\n");
  server->Signal(SIGHUP);
  EXPECT_TRUE(
      cluster_->Eventually([&] { return ask().find("\"id\":\"z\"") != std::string::npos; }));
  server->Signal(SIGTERM);
  const CommandResult end = server->Finish();
  EXPECT_EQ(end.exit_code, 0) << end.Describe();
}

}  // namespace
}  // namespace quern::testing
