#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "jobs/corpus/rules.h"
#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class CorpusExplainTest : public LocalJobsTest {
 protected:
  pb::JobSpec ExplainSpec(const std::string& document,
                          const std::vector<std::pair<std::string, std::string>>& stages) {
    pb::JobSpec spec = Spec("corpus_explain", "");
    spec.clear_inputs();
    for (const auto& [stage, lines] : stages) {
      Shell("mkdir -p " + dir_ / stage);
      std::ofstream(dir_ / stage + "/part-m-00000") << lines;
      pb::JobSpec::Input* const input = spec.add_inputs();
      input->set_path("file://" + dir_ / stage);
      input->set_format("jsonl");
    }
    (*spec.mutable_params())["document"] = document;
    spec.mutable_reduce()->set_tasks(1);
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_overwrite(true);
    return spec;
  }
  std::string Output(const pb::JobSpec& spec) {
    ExpectSucceeds(spec);
    return Shell("cat " + dir_ / "out/part-r-00000").out;
  }
  static std::string Line(const std::string& id, const std::string& more) {
    return fmt::format("{{\"id\": \"{}\", \"text\": \"four\", \"url\": \"http://h/{}\"{}}}\n", id,
                       id, more);
  }
};

TEST_F(CorpusExplainTest, SaysWhereTheDocumentIsAndWhatRejectedIt) {
  corpus::Tags tags;
  tags.language = "en";
  tags.language_score = 0.9;
  At(tags.stats, text::Metric::kWords) = 12;
  At(tags.stats, text::Metric::kMeanWordLength) = 5;
  At(tags.stats, text::Metric::kAlphaTokens) = 1;
  At(tags.stats, text::Metric::kStopWords) = 1;
  At(tags.stats, text::Metric::kSentences) = 9;
  At(tags.stats, text::Metric::kPunctuatedLines) = 1;
  const std::string tagged = ", \"tags\": " + tags.Json();
  const std::string why =
      ", \"rejected\": {\"rule\": \"gopher.words_min\", \"value\": 12, \"threshold\": 50}";
  const std::vector<std::pair<std::string, std::string>> stages = {
      {"pages", Line("a", "") + Line("b", ", \"date\": \"2024-01-02\"")},
      {"stars", "{\"duplicate\": \"c\", \"of\": \"b\"}\n{\"duplicate\": \"b\", \"of\": \"a\"}\n"},
      {"kept", Line("a", tagged)},
      {"kept-rejected", Line("b", tagged + why) + Line("c", why)}};
  const std::string want =
      "pages: id b, url http://h/b, date 2024-01-02, 4 bytes of text\n"
      "{}"
      "kept: not there\n"
      "kept-rejected: id b, url http://h/b, 4 bytes of text\n"
      "kept-rejected: rejected by gopher.words_min (value 12, threshold 50)\n"
      "kept-rejected: language en, score 0.9\n"
      "kept-rejected: breaks gopher.words_min: words is 12, must be at least 50\n"
      "kept-rejected: breaks gopher.stop_words_min: stop_words is 1, must be at least 2\n";
  EXPECT_EQ(Output(ExplainSpec("https://www.h/b#top", stages)),
            fmt::format(fmt::runtime(want), "stars: not there\n"));
  EXPECT_EQ(Output(ExplainSpec("b", stages)),
            fmt::format(fmt::runtime(want),
                        "stars: is kept before c, which is nearly equal\n"
                        "stars: is nearly equal to a, which is kept before it\n"));
  pb::JobSpec lower = ExplainSpec("b", stages);
  (*lower.mutable_params())["gopher.words_min"] = "12";
  EXPECT_THAT(Output(lower), ::testing::Not(HasSubstr("breaks gopher.words_min")));
}

TEST_F(CorpusExplainTest, ADocumentThatIsNowhereIsSaidToBe) {
  const pb::JobSpec spec = ExplainSpec("z", {{"pages", Line("a", "")}, {"kept", Line("a", "")}});
  const Outcome outcome = Run(spec);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("user.found = 0"));
  EXPECT_EQ(Shell("cat " + dir_ / "out/part-r-00000").out, "pages: not there\nkept: not there\n");
  EXPECT_THAT(Run(ExplainSpec("", {{"pages", Line("a", "")}})).out,
              HasSubstr("params.document: an id or a URL is needed"));
}

}  // namespace
}  // namespace quern::mr
