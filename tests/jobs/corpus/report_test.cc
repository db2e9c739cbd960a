#include "jobs/corpus/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "jobs/corpus/histogram.h"
#include "jobs/corpus/rules.h"
#include "jobs/text/json.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HistogramTest : public RandomTest {};

TEST_F(HistogramTest, BinsFollowOneAnother) {
  EXPECT_EQ(corpus::BinOf(-1), 0u);
  EXPECT_EQ(corpus::BinOf(0), 0u);
  EXPECT_EQ(corpus::BinOf(0.65), 32u);
  EXPECT_EQ(corpus::BinOf(1), 50u);
  EXPECT_EQ(corpus::BinOf(2), 58u);
  EXPECT_EQ(corpus::BinOf(100'000), 50u + 16 * 8 + 4);
  EXPECT_EQ(corpus::BinOf(1e300), corpus::BinOf(1e200));
  for (uint32_t bin = 0; bin < 200; ++bin) {
    EXPECT_LT(corpus::StartOfBin(bin), corpus::StartOfBin(bin + 1));
    EXPECT_EQ(corpus::BinOf(corpus::StartOfBin(bin)), bin);
  }
}

TEST_F(HistogramTest, AValueLiesInItsBin) {
  for (int i = 0; i < 100'000; ++i) {
    const double value =
        static_cast<double>(Below(1 << 20)) / static_cast<double>(1 + Below(1 << 20));
    const uint32_t bin = corpus::BinOf(value);
    ASSERT_GE(value, corpus::StartOfBin(bin)) << value;
    ASSERT_LT(value, corpus::StartOfBin(bin + 1)) << value;
  }
}

TEST(ReportForms, NumbersAndNames) {
  EXPECT_EQ(corpus::WithCommas(0), "0");
  EXPECT_EQ(corpus::WithCommas(999), "999");
  EXPECT_EQ(corpus::WithCommas(-1'000), "-1,000");
  EXPECT_EQ(corpus::WithCommas(1'234'567), "1,234,567");
  const corpus::Report::ByName names = {
      {"", {9, 0, 0}}, {"b", {2, 0, 0}}, {"a", {2, 0, 0}}, {"c", {5, 0, 0}}};
  std::string order;
  for (const auto& [name, amounts] : corpus::MostFirst(names, 10)) order += name + ",";
  EXPECT_EQ(order, "c,a,b,,");
}

class ReportJobTest : public LocalJobsTest {
 protected:
  // One directory a stage, two files in each.
  pb::JobSpec ReportSpec(const std::vector<std::pair<std::string, std::string>>& stages) {
    pb::JobSpec spec = Spec("report", "");
    spec.clear_inputs();
    for (const auto& [stage, lines] : stages) {
      Shell("mkdir -p " + dir_ / stage);
      const size_t cut = lines.find('\n', lines.size() / 2) + 1;
      std::ofstream(dir_ / stage + "/part-m-00000") << lines.substr(0, cut);
      std::ofstream(dir_ / stage + "/part-m-00001") << lines.substr(cut);
      pb::JobSpec::Input* const input = spec.add_inputs();
      input->set_path("file://" + dir_ / stage);
      input->set_format("jsonl");
    }
    spec.mutable_limits()->set_split_bytes(100);
    spec.mutable_reduce()->set_tasks(1);
    spec.mutable_output()->set_format("bytes");
    spec.mutable_output()->set_files("report.html");
    for (const auto& [name, file] :
         {std::pair("json", "report.json"), std::pair("text", "report.txt")}) {
      pb::JobSpec::NamedOutput* const output = spec.add_outputs();
      output->set_name(name);
      output->mutable_output()->set_path(".");
      output->mutable_output()->set_format("bytes");
      output->mutable_output()->set_files(file);
    }
    spec.mutable_output()->set_overwrite(true);
    return spec;
  }
  std::string Output(const pb::JobSpec& spec, const std::string& form) {
    ExpectSucceeds(spec);
    return Shell("cat " + dir_ / "out/report." + form).out;
  }
  static std::string Line(const std::string& id, const std::string& more) {
    return fmt::format("{{\"id\": \"{}\", \"text\": \"four\"{}}}\n", id, more);
  }
  static std::string TagsOf(double words, const std::string& language) {
    corpus::Tags tags;
    tags.language = language;
    tags.language_score = 0.9;
    At(tags.stats, text::Metric::kWords) = words;
    return ", \"tags\": " + tags.Json();
  }
};

TEST_F(ReportJobTest, CountsByStageRuleLanguageAndDomain) {
  const std::string b = ", \"url\": \"https://www.b.org/x\", \"lang\": \"de\"";
  const std::string rejected =
      Line("b", TagsOf(12, "en") +
                    ", \"rejected\": {\"rule\": \"gopher.words_min\", \"value\": "
                    "12, \"threshold\": 50}") +
      Line("c", TagsOf(13, "fr") +
                    ", \"rejected\": {\"rule\": \"gopher.words_min\", \"value\": "
                    "13, \"threshold\": 50}") +
      Line("<d>", ", \"rejected\": {\"rule\": \"decontaminate\", \"shared\": 3}");
  pb::JobSpec spec = ReportSpec({{"z-first", Line("a", ", \"domain\": \"a.com\"") + Line("b", b) +
                                                 Line("c", b) + Line("<d>", b)},
                                 {"kept", Line("a", TagsOf(60, "en"))},
                                 {"dropped", rejected}});
  (*spec.mutable_params())["domains"] = "1";
  (*spec.mutable_params())["samples"] = "1";
  const std::string text = Output(spec, "txt");
  EXPECT_THAT(text, HasSubstr("Stages\n"
                              "  z-first: 4 documents, 16 bytes of text\n"
                              "  kept: 1 documents, 4 bytes of text\n"
                              "  dropped: 3 documents, 12 bytes of text\n"
                              "\n"
                              "Rejected, by rule\n"
                              "  gopher.words_min: 2 documents, 8 bytes of text\n"
                              "  decontaminate: 1 documents, 4 bytes of text\n"
                              "  rules that rejected nothing: c4.curly_brackets_max, "));
  EXPECT_THAT(text, HasSubstr("\nLanguages of z-first\n  de: 3 documents, 12 bytes of text\n"
                              "  unknown: 1 documents, 4 bytes of text\n"
                              "\nDomains of z-first\n  b.org: 3 documents, 12 bytes of text\n"
                              "  others: 1 documents, 4 bytes of text\n"));
  EXPECT_THAT(text, HasSubstr("\nLanguages of dropped\n  en: 1 documents, 4 bytes of text\n"
                              "  fr: 1 documents, 4 bytes of text\n  unknown: 1 documents"));

  const std::string json = Output(spec, "json");
  const auto fields = text::ReadJsonObject(json);
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ(fields->size(), 5u);
  EXPECT_THAT(
      json,
      HasSubstr("{\"rule\": \"decontaminate\", \"documents\": 1, \"bytes\": 4, "
                "\"samples\": [\n  {\"id\": \"<d>\", \"shared\": 3, \"text\": \"four\"}\n ]}"));
  EXPECT_THAT(json, HasSubstr("{\"tag\": \"words\", \"stage\": \"dropped\", "
                              "\"from_and_documents\": [[12, 1], [13, 1]]}"));
  EXPECT_THAT(json, HasSubstr("\"rule\": \"gopher.words_max\", \"documents\": 0, \"bytes\": 0, "
                              "\"tag\": \"words\", \"keeps\": \"at most\", \"threshold\": 1e+05"));

  const std::string html = Output(spec, "html");
  EXPECT_THAT(html, HasSubstr("<td>gopher.words_min</td><td>words ≥ 50</td><td class=n>2</td>"));
  EXPECT_THAT(html, HasSubstr("<b>id</b> &lt;d&gt;\n"));
  EXPECT_THAT(html, Not(HasSubstr("<d>")));
  EXPECT_THAT(
      html,
      HasSubstr(
          "<b>words</b> (dropped): words<br>gopher.words_min = 50<br>gopher.words_max = 100,000"));
  for (const char* from_elsewhere : {"http://", "src=", "<script"}) {
    EXPECT_THAT(html, Not(HasSubstr(from_elsewhere)));
  }
}

TEST_F(ReportJobTest, TokensOfDocumentsThatWereCountedBeforeAreShown) {
  const std::string counted =
      "{\"id\": \"a\", \"url\": \"https://www.b.org/x\", \"lang\": \"de\", \"bytes\": 4000, "
      "\"tokens\": 1200}\n{\"id\": \"b\", \"bytes\": 10, \"tokens\": 3}\n";
  const std::string broken = "{\"id\": \"c\", \"bytes\": 4, \"tokens\": \"many\"}\n";
  const pb::JobSpec spec = ReportSpec({{"kept", Line("a", "")}, {"tokens", counted + broken}});
  const std::string text = Output(spec, "txt");
  EXPECT_THAT(text, HasSubstr("Stages\n"
                              "  kept: 1 documents, 4 bytes of text\n"
                              "  tokens: 2 documents, 4,010 bytes of text, 1,203 tokens\n"));
  EXPECT_THAT(text, HasSubstr("\n  de: 1 documents, 4,000 bytes of text, 1,200 tokens\n"));
  EXPECT_THAT(text, HasSubstr("\n  b.org: 1 documents, 4,000 bytes of text, 1,200 tokens\n"));
  EXPECT_THAT(Output(spec, "json"),
              HasSubstr("{\"stage\": \"kept\", \"documents\": 1, \"bytes\": 4},\n"
                        "  {\"stage\": \"tokens\", \"documents\": 2, \"bytes\": 4010, "
                        "\"tokens\": 1203}"));
  EXPECT_THAT(Output(spec, "html"),
              HasSubstr("<td>kept</td><td class=n>1</td><td class=n>4</td><td></td>"));
}

TEST_F(ReportJobTest, DoesNotDependOnTheSplits) {
  std::string lines;
  for (int i = 0; i < 500; ++i) {
    // Ids come twice, in the same split or in two.
    lines += Line(fmt::format("d{}", i % 250),
                  fmt::format(", \"domain\": \"{}.com\"", Below(90)) +
                      TagsOf(static_cast<double>(Below(300)), OneIn(2) ? "en" : "de") +
                      fmt::format(", \"rejected\": {{\"rule\": \"r{}\", \"value\": {}}}", Below(3),
                                  OneIn(4) ? 0 : i));
  }
  pb::JobSpec spec = ReportSpec({{"all", lines}});
  spec.mutable_limits()->set_split_bytes(50'000);
  (*spec.mutable_params())["samples"] = "30";
  const std::string want = Output(spec, "json");
  for (const uint64_t split_bytes : {20'000, 100'000, 10'000'000}) {
    spec.mutable_limits()->set_split_bytes(split_bytes);
    EXPECT_EQ(Output(spec, "json"), want) << split_bytes;
  }
}

TEST_F(ReportJobTest, ShowsTheThresholdsThatHold) {
  pb::JobSpec spec = ReportSpec({{"kept", Line("a", TagsOf(60, "en"))}});
  (*spec.mutable_params())["gopher.words_min"] = "33";
  (*spec.mutable_params())["gopher.words_max"] = "off";
  const std::string html = Output(spec, "html");
  EXPECT_THAT(html, HasSubstr("gopher.words_min = 33"));
  EXPECT_THAT(html, Not(HasSubstr("gopher.words_max")));
}

TEST_F(ReportJobTest, ParametersAreChecked) {
  const pb::JobSpec good = ReportSpec({{"kept", Line("a", "")}});
  for (const auto& [name, value, message] :
       {std::tuple("samples", "1001", "params.samples = '1001': must be a whole number from 0"),
        std::tuple("tokens", "true", "files: the job has none called 'encoder.json'"),
        std::tuple("gopher.words_min", "few", "params.gopher.words_min = 'few'")}) {
    pb::JobSpec spec = good;
    (*spec.mutable_params())[name] = value;
    EXPECT_THAT(Run(spec).out, HasSubstr(message));
  }
  pb::JobSpec spec = good;
  spec.mutable_reduce()->set_tasks(2);
  EXPECT_THAT(Run(spec).out, HasSubstr("reduce.tasks: must be 1, to give one report"));
}

}  // namespace
}  // namespace quern::mr
