// Lists of URLs as tags, and what the filter makes of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "jobs/text/json.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A text that only the rule about lists is asked of: the others are off.
constexpr const char* kOtherRules[] = {
    "language.score_min",           "gopher.words_min",        "gopher.mean_word_length_min",
    "gopher.alpha_tokens_min",      "gopher.stop_words_min",   "c4.sentences_min",
    "fineweb.punctuated_lines_min", "fineweb.short_lines_max", "fineweb.newlines_per_word_max",
    "gopher.top_2gram_max",         "gopher.top_3gram_max",    "gopher.top_4gram_max"};

class UrlListsTest : public LocalJobsTest {
 protected:
  pb::JobSpec JobOver(const std::string& job, const std::string& input) {
    pb::JobSpec spec = Spec(job, input);
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_tasks(0);
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_overwrite(true);
    if (job != "filter") return spec;
    spec.add_outputs()->set_name("rejected");
    spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    for (const char* rule : kOtherRules) (*spec.mutable_params())[rule] = "off";
    (*spec.mutable_params())["languages"] = "any";
    return spec;
  }
  // One document for each URL, with the URL as its text too; of "" without one.
  std::string WriteDocuments(const std::vector<std::string>& urls) {
    std::ofstream file(dir_ / "docs");
    text::JsonObjectWriter line;
    for (const std::string& url : urls) {
      if (!url.empty()) line.AddString("url", url);
      line.AddString("text", "Of " + url);
      file << line.Take() << "\n";
    }
    return dir_ / "docs";
  }
  // With the list in a side file of this name.
  void AddList(const std::string& name, const std::string& lines, pb::JobSpec* spec) {
    std::ofstream(dir_ / name, std::ios::binary) << lines;
    pb::JobSpec::SideFile* const file = spec->add_files();
    file->set_name(name);
    file->mutable_file()->set_path("file://" + dir_ / name);
    std::string& lists = (*spec->mutable_params())["url_lists"];
    lists += (lists.empty() ? "" : ",") + name;
  }
  // What the tags of each document say of the lists.
  std::vector<std::string> ListsInOutput() {
    std::istringstream lines(Shell("cat " + dir_ / "out/part-m-*").out);
    std::vector<std::string> lists;
    for (std::string line; std::getline(lines, line);) {
      const auto fields = text::ReadJsonObject(line);
      const auto tags = text::ReadJsonObject(text::FindField(*fields, "tags")->value);
      const text::JsonField* const field = text::FindField(*tags, "url_lists");
      lists.emplace_back(field == nullptr ? "none" : field->value);
    }
    return lists;
  }
  // Of a document in no list, in one, in both, and without URL.
  void TagFour() {
    pb::JobSpec spec = JobOver("tag", WriteDocuments({"http://good.example/", "http://bad.example/",
                                                      "http://worse.example/x/y", ""}));
    AddList("adult.txt", "bad.example\nworse.example/x\n", &spec);
    AddList("malware.txt", "worse.example", &spec);
    ExpectSucceeds(spec);
    Shell(fmt::format("mv {} {}", dir_ / "out", dir_ / "tagged"));
  }
  std::string Rejected() { return Shell("cat " + dir_ / "out-rejected/part-m-*").out; }
};

TEST_F(UrlListsTest, TagsNameTheListsThatHoldADocument) {
  pb::JobSpec spec =
      JobOver("tag", WriteDocuments({"https://www.a.Example.com:8080/x", "http://example.com.net/",
                                     "http://b%C3%BCcher.example./", "http://x.org/p/q",
                                     "http://x.org/pq", "", "no url"}));
  AddList("adult.txt",
          "\xef\xbb\xbf# By hand\n\nExample.com  # and below\r\n \nhttp://www.x.org/p/\n", &spec);
  AddList("mal-ware", "xn--bcher-kva.example\nexample.com.\n", &spec);
  // The same list as the first.
  AddList("adult.urls", "x.org/pq", &spec);
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(ListsInOutput(),
            (std::vector<std::string>{"[\"adult\", \"mal-ware\"]", "[]", "[\"mal-ware\"]",
                                      "[\"adult\"]", "[\"adult\"]", "[]", "[]"}));
  EXPECT_THAT(outcome.out, HasSubstr("user.documents_in_list.adult = 3"));
  EXPECT_THAT(outcome.out, HasSubstr("user.documents_in_list.mal-ware = 2"));
}

// Its host is no other for what stands behind it.
TEST_F(UrlListsTest, AUrlOfAnyLengthLiesInAList) {
  const std::string much(9'000, 'a');
  pb::JobSpec spec = JobOver(
      "tag", WriteDocuments({"http://bad.example/?q=" + much, "http://worse.example/x/" + much,
                             "http://worse.example/" + much, "http://good.example/" + much}));
  AddList("adult.txt", "bad.example\nworse.example/x\n", &spec);
  ExpectSucceeds(spec);
  EXPECT_EQ(ListsInOutput(), (std::vector<std::string>{"[\"adult\"]", "[\"adult\"]", "[]", "[]"}));
}

TEST_F(UrlListsTest, WithoutListsThereIsNoTag) {
  ExpectSucceeds(JobOver("tag", WriteDocuments({"http://a.b/"})));
  EXPECT_EQ(ListsInOutput(), std::vector<std::string>{"none"});
}

TEST_F(UrlListsTest, SaysWhichLineNamesNoHost) {
  const auto complaint = [this](const std::string& lines) {
    pb::JobSpec spec = JobOver("tag", WriteDocuments({"http://a.b/"}));
    AddList("adult.txt", lines, &spec);
    const Outcome outcome = Run(spec);
    EXPECT_NE(outcome.exit_code, 0) << lines;
    return outcome.out;
  };
  EXPECT_THAT(complaint("# comment\n\na.b\n/path\nc.d\n"),
              HasSubstr("files: adult.txt: line 4 names no host. Try: lines such as example.com"));
  EXPECT_THAT(complaint("a.b\n*.c.d"), HasSubstr("adult.txt: line 2 is a pattern. Try: "));
  EXPECT_THAT(
      complaint("a.b/*\nc.d/e*\n"),
      HasSubstr("adult.txt: line 2 is a pattern. Try: example.com, which holds every host"));
  EXPECT_THAT(complaint("a.b\n127.0.0.1\tc.d\n"), HasSubstr("adult.txt: line 2 names no host"));
  EXPECT_THAT(complaint("\x1f\x8b\x08*\xff\xfe"), HasSubstr("adult.txt: line 1 names no host"));
  EXPECT_THAT(complaint(std::string("a.b\nc\0d\n", 8)), HasSubstr("line 2 names no host"));
  EXPECT_THAT(complaint(""), HasSubstr("files: adult.txt: names no host. Try: "));
  EXPECT_THAT(complaint("# nothing\n\n"), HasSubstr("files: adult.txt: names no host. Try: "));
  pb::JobSpec spec = JobOver("tag", WriteDocuments({"http://a.b/"}));
  (*spec.mutable_params())["url_lists"] = "other.txt";
  EXPECT_THAT(Run(spec).out, HasSubstr("files: the job has none called 'other.txt'"));
  AddList("adult.txt", "a.b", &spec);
  (*spec.mutable_params())["url_lists"] = "adult.txt";
  spec.mutable_files(0)->mutable_file()->set_path("file://" + dir_.path());
  EXPECT_THAT(Run(spec).out, HasSubstr("files: adult.txt: cannot be read to its end"));
}

TEST_F(UrlListsTest, TheFilterRejectsWhatLiesInAList) {
  TagFour();
  const Outcome outcome = Run(JobOver("filter", dir_ / "tagged"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("user.kept = 2"));
  EXPECT_THAT(outcome.out, HasSubstr("user.rejected.url.lists_max = 2"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("documents_without_url_lists")));
  EXPECT_THAT(Rejected(), HasSubstr("\"url_lists\": [\"adult\"]}, \"rejected\": {\"rule\": "
                                    "\"url.lists_max\", \"value\": 1, \"threshold\": 0}}\n"));
  EXPECT_THAT(Rejected(), HasSubstr("\"value\": 2, \"threshold\": 0}}\n"));
  pb::JobSpec off = JobOver("filter", dir_ / "tagged");
  (*off.mutable_params())["url.lists_max"] = "off";
  EXPECT_THAT(Run(off).out, HasSubstr("user.kept = 4"));
}

TEST_F(UrlListsTest, OnlyTheNamedListsCount) {
  TagFour();
  pb::JobSpec spec = JobOver("filter", dir_ / "tagged");
  (*spec.mutable_params())["counted_lists"] = "malware, misspelt";
  const Outcome outcome = Run(spec);
  for (const char* counter :
       {"user.kept = 3", "user.rejected.url.lists_max = 1", "user.documents_in_list.malware = 1",
        "user.documents_in_list.misspelt = 0", "user.documents_without_url_lists = 0"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
  EXPECT_THAT(Rejected(), HasSubstr("[\"adult\", \"malware\"]}, \"rejected\": {\"rule\": "
                                    "\"url.lists_max\", \"value\": 1, \"threshold\": 0}}\n"));
  (*spec.mutable_params())["counted_lists"] = " ";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.counted_lists = ' ': the list is empty. Try: "));
}

// Of these nobody has looked, and the counter says so.
TEST_F(UrlListsTest, TagsOfOlderRunsHaveNoLists) {
  ExpectSucceeds(JobOver("tag", WriteDocuments({"http://bad.example/"})));
  Shell(fmt::format("mv {} {}", dir_ / "out", dir_ / "tagged"));
  pb::JobSpec spec = JobOver("filter", dir_ / "tagged");
  (*spec.mutable_params())["counted_lists"] = "adult";
  const Outcome outcome = Run(spec);
  for (const char* counter : {"user.kept = 1", "user.documents_measured_here = 0",
                              "user.documents_without_url_lists = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

}  // namespace
}  // namespace quern::mr
