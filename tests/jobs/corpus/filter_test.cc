// The rules, and the jobs that measure documents and hold them to the rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <stdexcept>

#include "jobs/corpus/rules.h"
#include "jobs/text/json.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using corpus::Rule;
using corpus::RuleSet;
using corpus::Tags;
using ::testing::HasSubstr;

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Prose that every rule lets pass.
std::string GoodText() {
  return "The mill had stood at the river for three hundred years, and nobody could remember who "
         "had built "
         "it.\n"
         "Its wheel turned day and night, except on Sundays, when the miller went to church with "
         "his three "
         "daughters.\n"
         "Farmers brought corn from as far away as the hills; they waited in the yard, smoked, and "
         "talked of "
         "prices.\n"
         "Then a dry summer came. What had been a stream became a row of ponds, where children "
         "caught frogs "
         "and old men shook their heads.\n"
         "Have you ever heard such silence? That autumn most people ate their bread from the "
         "town.\n";
}

TEST(Rules, EachLooksAtATagThatThereIs) {
  const Tags tags;
  std::set<std::string_view> names;
  for (const Rule& rule : corpus::AllRules()) {
    EXPECT_EQ(tags.ValueOf(rule.tag), 0) << rule.name;
    EXPECT_EQ(rule.at_least, rule.name.ends_with("_min")) << rule.name;
    EXPECT_EQ(!rule.at_least, rule.name.ends_with("_max")) << rule.name;
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
  }
}

TEST(Rules, StandInTheJobAndInItsPage) {
  const std::string job = ReadWhole(std::string(std::getenv("QUERN_JOBS")) + "/filter.toml");
  const std::string page = ReadWhole(std::string(QUERN_SOURCE_DIR) + "/docs/jobs/filter.md");
  std::string table = "| rule | keeps | source |\n|---|---|---|\n";
  for (const Rule& rule : corpus::AllRules()) {
    EXPECT_THAT(job, HasSubstr(fmt::format("\"{}: real|off\"", rule.name)));
    table += fmt::format("| `{}` | `{}` {} {} | {} |\n", rule.name, rule.tag,
                         rule.at_least ? "≥" : "≤", rule.threshold, rule.source);
  }
  // The whole table and no row more.
  EXPECT_TRUE(page.ends_with("\n\n" + table)) << table;
  const std::string report = ReadWhole(std::getenv("QUERN_JOBS") + std::string("/report.toml"));
  for (const Rule& rule : corpus::AllRules()) {
    EXPECT_THAT(report, HasSubstr(fmt::format("\"{}: real|off\"", rule.name)));
  }
  const std::string tags = ReadWhole(fmt::format("{}/docs/jobs/tag.md", QUERN_SOURCE_DIR));
  for (size_t i = 0; i < text::kMetricCount; ++i) {
    const auto metric = static_cast<text::Metric>(i);
    EXPECT_THAT(
        tags, HasSubstr(fmt::format("| `{}` | {} |", text::NameOf(metric), text::HelpOf(metric))));
  }
  for (const corpus::OptionalTag& tag : corpus::kOptionalTags) {
    EXPECT_THAT(tags, HasSubstr(fmt::format("| `{}` | {} |", tag.name, tag.help)));
  }
}

TEST(Rules, TakeOtherThresholds) {
  const RuleSet rules([](std::string_view name) -> std::optional<std::string_view> {
    if (name == "gopher.words_min") return "7.5";
    if (name == "gopher.words_max") return "off";
    return std::nullopt;
  });
  EXPECT_EQ(rules.rules().size(), corpus::AllRules().size() - 1);
  for (const Rule& rule : rules.rules()) {
    EXPECT_NE(rule.name, "gopher.words_max");
    if (rule.name == "gopher.words_min") {
      EXPECT_EQ(rule.threshold, 7.5);
    }
  }
  for (const char* bad : {"", "x", "1x", "on", "--1", "inf", "-inf", "nan", "infinity", "1e999"}) {
    EXPECT_THROW(RuleSet([bad](std::string_view) { return bad; }), std::invalid_argument) << bad;
  }
}

TEST(Rules, TagsAreReadBackAsTheyWere) {
  Tags tags{"zh-Hant", 0.123456789012345, {}};
  for (size_t i = 0; i < tags.stats.size(); ++i) tags.stats[i] = 1.0 / static_cast<double>(i + 3);
  const auto read = corpus::ReadTags(tags.Json());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->language, "zh-Hant");
  EXPECT_EQ(read->language_score, tags.language_score);
  EXPECT_EQ(read->stats, tags.stats);
  EXPECT_FALSE(corpus::ReadTags("{}").has_value()) << "of another version";
  EXPECT_FALSE(corpus::ReadTags("{\"words\": \"many\"}").has_value());
  EXPECT_FALSE(corpus::ReadTags("7").has_value());
  tags.stats[0] = INFINITY;
  EXPECT_FALSE(corpus::ReadTags(tags.Json()).has_value());
}

TEST(Rules, OptionalTagsMayBeMissing) {
  Tags tags;
  const auto without = corpus::ReadTags(tags.Json());
  ASSERT_TRUE(without.has_value()) << "as older ones are";
  for (const corpus::OptionalTag& tag : corpus::kOptionalTags) {
    EXPECT_FALSE(without->Find(tag.name).has_value()) << tag.name;
    EXPECT_EQ(without->ValueOf(tag.name), 0) << tag.name;
  }
  tags.url_lists = {"adult", "a \"b\", c"};
  const auto read = corpus::ReadTags(tags.Json());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->url_lists, tags.url_lists);
  EXPECT_EQ(read->ValueOf("url_lists"), 2);
  tags.pii_emails = 3;
  tags.pii_ips = 0;
  EXPECT_EQ(corpus::ReadTags(tags.Json())->Find("pii_emails"), 3);
  EXPECT_EQ(corpus::ReadTags(tags.Json())->Find("pii_ips"), 0);
  tags = {};
  tags.url_lists.emplace();
  EXPECT_THAT(tags.Json(), HasSubstr(", \"url_lists\": []}"));
  EXPECT_EQ(corpus::ReadTags(tags.Json())->Find("url_lists"), 0);
  for (const char* bad : {"7", "\"adult\"", "[1]", "[\"adult\"", "{}"}) {
    std::string json = Tags().Json();
    json.back() = ',';
    EXPECT_FALSE(corpus::ReadTags(json + "\"url_lists\": " + bad + "}").has_value()) << bad;
  }
}

class FilterJobTest : public LocalJobsTest {
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
    return spec;
  }
  std::string Write(const std::vector<std::string>& texts) {
    std::ofstream file(dir_ / "docs");
    text::JsonObjectWriter line;
    for (size_t i = 0; i < texts.size(); ++i) {
      line.AddString("id", fmt::format("d{}", i));
      line.AddString("text", texts[i]);
      line.AddRaw("n", "[1]");
      file << line.Take() << "\n";
    }
    return dir_ / "docs";
  }
  std::string Output() { return Shell("cat " + dir_ / "out/part-m-*").out; }
};

const std::vector<std::string> kTexts = {
    GoodText(), "Too short to be of use.", GoodText() + "{ }",
    "Die Mühle stand dort seit dreihundert Jahren, und niemand wusste, wer sie gebaut hatte."};

TEST_F(FilterJobTest, KeepsWhatTheRulesLetPass) {
  const Outcome outcome = Run(JobOver("filter", Write(kTexts)));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), Shell("head -1 " + dir_ / "docs").out);
  for (const char* counter :
       {"user.documents = 4", "user.kept = 1", "user.rejected = 3", "user.rejected.languages = 1",
        "user.rejected.gopher.words_min = 1", "user.rejected.c4.curly_brackets_max = 1",
        "user.rejected.gopher.words_max = 0", "user.documents_measured_here = 4"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

TEST_F(FilterJobTest, SaysWhyOthersAreRejected) {
  ExpectSucceeds(JobOver("filter", Write(kTexts)));
  const std::string out = Shell("cat " + dir_ / "out-rejected/part-m-*").out;
  EXPECT_THAT(out,
              HasSubstr("\"n\": [1], \"rejected\": {\"rule\": \"gopher.words_min\", \"value\": 6, "
                        "\"threshold\": 50, \"also\": {"));
  EXPECT_THAT(out, HasSubstr("\"c4.sentences_min\": {\"value\": 1, \"threshold\": 5}"));
  EXPECT_THAT(
      out, HasSubstr("{\"rule\": \"c4.curly_brackets_max\", \"value\": 2, \"threshold\": 0}}\n"));
  EXPECT_THAT(out, HasSubstr("{\"rule\": \"languages\", \"value\": \"de\", \"also\": {"));
}

TEST_F(FilterJobTest, TakesTagsInsteadOfMeasuringAgain) {
  ExpectSucceeds(JobOver("tag", Write(kTexts)));
  Shell(fmt::format("mv {} {}", dir_ / "out", dir_ / "tagged"));
  EXPECT_THAT(Shell("head -1 " + dir_ / "tagged/part-m-*").out,
              HasSubstr("\"n\": [1], \"tags\": {\"language\": \"en\", \"language_score\": 0."));
  pb::JobSpec spec = JobOver("filter", dir_ / "tagged");
  (*spec.mutable_params())["gopher.words_min"] = "6";
  (*spec.mutable_params())["c4.sentences_min"] = "off";
  (*spec.mutable_params())["c4.curly_brackets_max"] = "2";
  (*spec.mutable_params())["gopher.stop_words_min"] = "0";
  (*spec.mutable_params())["gopher.mean_word_length_min"] = "2.5";
  (*spec.mutable_params())["fineweb.short_lines_max"] = "1";
  (*spec.mutable_params())["languages"] = "DE, en";
  const Outcome outcome = Run(spec);
  EXPECT_THAT(outcome.out, HasSubstr("user.documents_measured_here = 0"));
  EXPECT_EQ(Output(), Shell("cat " + dir_ / "tagged/part-m-*").out) << outcome.out;
}

TEST_F(FilterJobTest, TagsOfAnotherVersionAreMeasuredAnew) {
  std::ofstream(dir_ / "docs") << "{\"text\": \"x\", \"tags\": {\"words\": 100}}\n";
  EXPECT_THAT(Run(JobOver("filter", dir_ / "docs")).out,
              HasSubstr("user.documents_measured_here = 1"));
  pb::JobSpec spec = JobOver("tag", dir_ / "docs");
  (*spec.mutable_params())["only_tags"] = "true";
  ExpectSucceeds(spec);
  EXPECT_THAT(Output(),
              HasSubstr("docs:0\", \"tags\": {\"language\": \"und\", \"language_score\": 0, "
                        "\"characters\": 1, \"words\": 1,"));
}

TEST_F(FilterJobTest, ParametersAreChecked) {
  pb::JobSpec spec = JobOver("filter", Write({"x"}));
  (*spec.mutable_params())["gopher.words_min"] = "fifty";
  EXPECT_THAT(Run(spec).out,
              HasSubstr("params.gopher.words_min = 'fifty': must be a number or off"));
  (*spec.mutable_params())["gopher.words_min"] = "";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.gopher.words_min = '': must be a number or off"));
  (*spec.mutable_params())["gopher.words_min"] = "inf";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.gopher.words_min = 'inf': must be a number or off"));
  (*spec.mutable_params())["gopher.words_min"] = "1";
  for (const std::string language :
       {"english", "e", "e1", "en-", "en_US", "", "en-waytoolong", "all", "OFF", "None"}) {
    (*spec.mutable_params())["languages"] = "de," + language;
    EXPECT_THAT(Run(spec).out, HasSubstr("params.languages: '" + language +
                                         "': must be a code such as en or zh-Hant, or any"));
  }
  (*spec.mutable_params())["languages"] = "";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.languages = '': the list is empty. Try: en"));
  (*spec.mutable_params())["languages"] = "zh-Hant,sr-Latn-RS,ceb, any";
  EXPECT_EQ(Run(spec).exit_code, 0);
}

TEST_F(FilterJobTest, AnyLanguageIsAnyInEitherCase) {
  pb::JobSpec spec = JobOver("filter", Write({"x"}));
  spec.mutable_output()->set_overwrite(true);
  for (const char* const any : {"any", "Any", "ANY"}) {
    (*spec.mutable_params())["languages"] = any;
    EXPECT_THAT(Run(spec).out, HasSubstr("user.rejected.languages = 0")) << any;
  }
}

}  // namespace
}  // namespace quern::mr
