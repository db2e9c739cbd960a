// What names persons, from the job that masks it to the tags.
#include "jobs/corpus/pii.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Pii, IsReadBackAsItWasWritten) {
  const std::vector<text::PersonalSpan> spans = {{text::PersonalKind::kEmail, 0, 17},
                                                 {text::PersonalKind::kAddress, 20, 9},
                                                 {text::PersonalKind::kEmail, 40, 17}};
  const std::string json = corpus::PiiJson(spans);
  EXPECT_EQ(json, "[[\"email\", 0, 17], [\"ip\", 20, 9], [\"email\", 40, 17]]");
  EXPECT_EQ(corpus::ReadPii(json), spans);
  EXPECT_EQ(corpus::CountPii(spans).emails, 2u);
  EXPECT_EQ(corpus::CountPii(spans).ips, 1u);
  EXPECT_EQ(corpus::PiiJson({}), "[]");
  EXPECT_EQ(corpus::ReadPii("[]"), std::vector<text::PersonalSpan>());
  for (const char* bad : {"true", "", "{}", "[1]", "[[\"email\", 0]]", "[[\"phone\", 0, 1]]",
                          "[[\"email\", -1, 2]]", "[[\"email\", 1.5, 2]]",
                          "[[\"email\", \"0\", 2]]", "[[0, 1, 2]]", "[[\"email\", 0, 1, 2]]"}) {
    EXPECT_FALSE(corpus::ReadPii(bad).has_value()) << bad;
  }
}

TEST(Pii, MovesWithThePiecesOfTheTextThatStay) {
  const auto spans = [](const std::vector<std::pair<size_t, size_t>>& places) {
    std::vector<text::PersonalSpan> made;
    for (const auto& [offset, bytes] : places) {
      made.push_back({text::PersonalKind::kAddress, offset, bytes});
    }
    return made;
  };
  const std::vector<text::RemainingPiece> pieces = {{10, 0, 10}, {40, 10, 20}};
  EXPECT_EQ(corpus::RemainingSpans(spans({{0, 5}, {10, 3}, {17, 3}, {25, 2}, {50, 10}}), pieces),
            spans({{0, 3}, {7, 3}, {20, 10}}));
  // Those that are not there whole.
  EXPECT_EQ(corpus::RemainingSpans(
                spans({{8, 4}, {18, 3}, {38, 3}, {50, 11}, {51, SIZE_MAX}, {SIZE_MAX, 2}}), pieces),
            spans({}));
  EXPECT_EQ(corpus::RemainingSpans(spans({{0, 1}}), {}), spans({}));
}

class PiiTagsTest : public LocalJobsTest {
 protected:
  // What it printed for these documents, one for each line.
  std::string OutputOf(const std::string& job, const std::string& documents,
                       const std::vector<std::string>& flags = {}) {
    std::ofstream(dir_ / "docs") << documents;
    pb::JobSpec spec = Spec(job, dir_ / "docs");
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_tasks(0);
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_overwrite(true);
    for (const std::string& flag : flags) (*spec.mutable_params())[flag] = "true";
    if (job == "clean_text") {
      spec.add_outputs()->set_name("rejected");
      spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    }
    ExpectSucceeds(spec);
    return Shell("cat " + dir_ / "out/part-m-*").out;
  }
};

constexpr char kPersonalDocuments[] =
    "{\"text\": \"Write to ann@b.org or bob@b.org, at 8.8.8.8.\"}\n"
    "{\"text\": \"Write to nobody at 10.0.0.1.\"}\n";

TEST_F(PiiTagsTest, MasksAreCounted) {
  const std::string tagged = OutputOf("tag", OutputOf("clean_text", kPersonalDocuments), {"pii"});
  EXPECT_THAT(tagged, HasSubstr("\"pii\": [[\"email\", 9, 17], [\"email\", 30, 17], [\"ip\", 52, "
                                "9]], \"tags\": {"));
  EXPECT_THAT(tagged, HasSubstr(", \"pii_emails\": 2, \"pii_ips\": 1}}\n"));
  EXPECT_THAT(tagged, HasSubstr(", \"pii_emails\": 0, \"pii_ips\": 0}}\n")) << "nothing masked";
}

TEST_F(PiiTagsTest, MasksAreCountedWhereNobodyLooks) {
  const std::string tagged = OutputOf("tag", OutputOf("clean_text", kPersonalDocuments));
  EXPECT_THAT(tagged, HasSubstr(", \"pii_emails\": 2, \"pii_ips\": 1}}\n"));
  EXPECT_THAT(tagged, Not(HasSubstr("\"pii_emails\": 0")));
}

TEST_F(PiiTagsTest, TextsThatAreNotMaskedAreLookedAt) {
  const std::string tagged = OutputOf("tag", kPersonalDocuments, {"pii"});
  EXPECT_THAT(tagged,
              HasSubstr("{\"text\": \"Write to ann@b.org or bob@b.org, at 8.8.8.8.\", "
                        "\"pii\": [[\"email\", 9, 9], [\"email\", 22, 9], [\"ip\", 36, 7]], "
                        "\"tags\": {"));
  EXPECT_THAT(tagged, HasSubstr(", \"pii_emails\": 2, \"pii_ips\": 1}}\n"));
  EXPECT_THAT(tagged, HasSubstr("{\"text\": \"Write to nobody at 10.0.0.1.\", \"tags\": {"));
  EXPECT_EQ(OutputOf("tag", tagged, {"pii"}), tagged) << "once more changes nothing";
  EXPECT_THAT(OutputOf("tag", kPersonalDocuments), Not(HasSubstr("pii")));
  EXPECT_THAT(OutputOf("tag", kPersonalDocuments, {"pii", "only_tags"}),
              HasSubstr("docs:0\", \"pii\": [[\"email\", 9, 9], "));
}

// A byte that is no UTF-8 is three in the line that is written.
TEST_F(PiiTagsTest, SpansAreThoseOfTheTextThatIsWritten) {
  std::ofstream(dir_ / "docs") << "\xff ann@b.org\n";
  pb::JobSpec spec = Spec("tag", dir_ / "docs");
  spec.mutable_reduce()->set_tasks(0);
  spec.mutable_output()->set_format("raw");
  (*spec.mutable_params())["pii"] = "true";
  ExpectSucceeds(spec);
  EXPECT_THAT(Shell("cat " + dir_ / "out/part-m-*").out,
              HasSubstr("\"text\": \"\xef\xbf\xbd ann@b.org\", \"pii\": [[\"email\", 4, 9]], "));
}

// So that the places hold in jobs behind, which write such a byte as three.
TEST_F(PiiTagsTest, ALineWithSpansHasATextInUtf8) {
  const std::string lines =
      "{\"text\": \"\xff ann@b.org\", \"n\": 1}\n{\"text\": \"\xff nobody\"}\n";
  const std::string tagged = OutputOf("tag", lines, {"pii"});
  EXPECT_THAT(tagged, HasSubstr("{\"text\": \"\xef\xbf\xbd ann@b.org\", \"n\": 1, "
                                "\"pii\": [[\"email\", 4, 9]], \"tags\": {"));
  EXPECT_THAT(tagged, HasSubstr("{\"text\": \"\xff nobody\", \"tags\": {"));
  EXPECT_THAT(OutputOf("tag", lines), HasSubstr("{\"text\": \"\xff ann@b.org\", \"n\": 1, "));
}

TEST_F(PiiTagsTest, AFieldOfSomebodyElseIsNotCounted) {
  const std::string document = "{\"pii\": true, \"text\": \"Write to ann@b.org.\"}\n";
  EXPECT_THAT(OutputOf("tag", document), Not(HasSubstr("pii_emails")));
  EXPECT_THAT(OutputOf("tag", document), HasSubstr("{\"pii\": true, "));
  const std::string looked = OutputOf("tag", document, {"pii"});
  EXPECT_THAT(looked,
              HasSubstr("{\"text\": \"Write to ann@b.org.\", \"pii\": [[\"email\", 9, 9]], "));
}

}  // namespace
}  // namespace quern::mr
