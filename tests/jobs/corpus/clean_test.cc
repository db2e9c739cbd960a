#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class CleanJobTest : public LocalJobsTest {
 protected:
  pb::JobSpec CleanSpec(const std::string& documents) {
    std::ofstream(dir_ / "docs") << documents;
    pb::JobSpec spec = Spec("clean_text", dir_ / "docs");
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_tasks(0);
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_overwrite(true);
    spec.add_outputs()->set_name("rejected");
    spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    return spec;
  }
  std::string Output() { return Shell("cat " + dir_ / "out/part-m-*").out; }
};

TEST_F(CleanJobTest, CleansTextsAndKeepsTheRest) {
  const Outcome outcome =
      Run(CleanSpec("{\"n\": [1], \"text\": \"Write to a@b.org today.[1]\\nHome\\n\", \"tags\": "
                    "{\"words\": 4}, \"id\": 7}\n"
                    "{\"id\": \"b\", \"text\": \"Home\\nUp\"}\n"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(),
            "{\"n\": [1], \"text\": \"Write to email@example.com today.\\n\", \"id\": 7, \"pii\": "
            "[[\"email\", 9, 17]]}\n");
  for (const char* counter :
       {"user.documents_of_which_nothing_is_left = 1", "user.lines_dropped.words_min = 3",
        "user.citations_removed = 1", "user.emails_masked = 1", "user.addresses_masked = 0"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

// As the lines have them: behind letters of two bytes and behind bytes that are no UTF-8.
TEST_F(CleanJobTest, SaysWhereTheMasksStand) {
  ExpectSucceeds(
      CleanSpec("{\"id\": 1, \"pii\": [[\"ip\", 0, 9]], \"text\": \"Up\\nFür a@b.org und "
                "8.8.8.8.\"}\n"
                "{\"id\": 2, \"text\": \"Bad \xff byte: a@b.org.\"}\n"
                "{\"id\": 3, \"text\": \"Nothing is masked here.\", \"pii\": []}\n"));
  EXPECT_EQ(
      Output(),
      "{\"id\": 1, \"text\": \"Für email@example.com und 192.0.2.1.\\n\", \"pii\": [[\"email\", "
      "5, 17], [\"ip\", 27, 9]]}\n"
      "{\"id\": 2, \"text\": \"Bad \xef\xbf\xbd byte: email@example.com.\\n\", \"pii\": "
      "[[\"email\", 14, 17]]}\n"
      "{\"id\": 3, \"text\": \"Nothing is masked here.\\n\"}\n");
}

TEST_F(CleanJobTest, SaysByWhichRuleNothingIsLeft) {
  ExpectSucceeds(CleanSpec(
      "{\"id\": 1, \"text\": \"Home\\nUse cookies or javascript\\nRead our privacy policy\", "
      "\"n\": [1]}\n"
      "{\"id\": \"b\", \"text\": \" \\n\"}\n"
      "{\"id\": \"c\", \"text\": \"All of it stays.\"}\n"
      "{\"id\": \"d\", \"text\": \"[1]\\nUp\"}\n"));
  EXPECT_EQ(Output(), "{\"id\": \"c\", \"text\": \"All of it stays.\\n\"}\n");
  EXPECT_EQ(Shell("cat " + dir_ / "out-rejected/part-m-*").out,
            "{\"id\": 1, \"text\": \"Home\\nUse cookies or javascript\\nRead our privacy "
            "policy\", \"n\": [1], \"rejected\": {\"rule\": \"clean.notices\", \"value\": 2, "
            "\"also\": {\"clean.words_min\": {\"value\": 1}}}}\n"
            "{\"id\": \"b\", \"text\": \" \\n\", \"rejected\": {\"rule\": \"clean.no_text\"}}\n"
            "{\"id\": \"d\", \"text\": \"[1]\\nUp\", \"rejected\": {\"rule\": "
            "\"clean.words_min\", \"value\": 2}}\n");
}

TEST_F(CleanJobTest, TakesItsRulesFromParameters) {
  pb::JobSpec spec =
      CleanSpec("{\"id\": \"a\", \"pii\": [], \"text\": \"x a@b.org [1]\\nJavaScript\"}\n");
  for (const char* name : {"mask", "citations", "notices"})
    (*spec.mutable_params())[name] = "false";
  (*spec.mutable_params())["words_min"] = "1";
  ExpectSucceeds(spec);
  EXPECT_EQ(Output(), "{\"id\": \"a\", \"text\": \"x a@b.org [1]\\nJavaScript\\n\"}\n");
  (*spec.mutable_params())["words_min"] = "-1";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.words_min = '-1': must be a whole number"));
  (*spec.mutable_params())["words_min"] = "";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.words_min = '': must be a whole number"));
  (*spec.mutable_params())["words_min"] = "1";
  (*spec.mutable_params())["mask"] = "";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.mask = '': must be true or false"));
  (*spec.mutable_params())["mask"] = "maybe";
  EXPECT_THAT(Run(spec).out, HasSubstr("params.mask = 'maybe': must be true or false"));
}

}  // namespace
}  // namespace quern::mr
