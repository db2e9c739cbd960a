#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

constexpr char kQuestion[] =
    "one two three four five six seven eight nine ten eleven twelve thirteen";

class DecontaminateJobTest : public LocalJobsTest {
 protected:
  DecontaminateJobTest() {
    std::ofstream(dir_ / "docs")
        << "{\"id\": \"a\", \"text\": \"Zero One, two THREE four five six seven eight "
           "nine ten eleven twelve thirteen fourteen\"}\n"
        << "{\"id\": \"b\", \"text\": \"one two three four five six seven eight nine "
           "ten eleven twelve\"}\n"
        << "{\"id\": \"c\", \"text\": \"yes\"}\n";
  }
  pb::JobSpec SpecWith(const std::string& evaluation) {
    std::ofstream(dir_ / "evaluation.jsonl") << evaluation;
    pb::JobSpec spec = Spec("decontaminate", dir_ / "docs");
    spec.mutable_inputs(0)->set_format("jsonl");
    spec.mutable_reduce()->set_tasks(0);
    spec.mutable_output()->set_format("raw");
    spec.mutable_output()->set_overwrite(true);
    spec.add_outputs()->set_name("rejected");
    spec.mutable_outputs(0)->mutable_output()->set_format("raw");
    pb::JobSpec::SideFile* const file = spec.add_files();
    file->set_name("evaluation.jsonl");
    file->mutable_file()->set_path("file://" + dir_ / "evaluation.jsonl");
    return spec;
  }
  std::string Output() { return Shell("cat " + dir_ / "out/part-m-*").out; }
  std::string Rejected() { return Shell("cat " + dir_ / "out-rejected/part-m-*").out; }
  const std::string good_ =
      fmt::format("{{\"n\": 1, \"question\": \"{}\", \"answer\": \"yes\"}}\n\n", kQuestion);
};

TEST_F(DecontaminateJobTest, DropsDocumentsThatShareARun) {
  pb::JobSpec spec = SpecWith(good_);
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), Shell("tail -2 " + dir_ / "docs").out);
  EXPECT_THAT(outcome.out, HasSubstr("user.rejected = 1"));
  (*spec.mutable_params())["words"] = "12";
  ExpectSucceeds(spec);
  EXPECT_THAT(
      Rejected(),
      HasSubstr("fourteen\", \"rejected\": {\"rule\": \"decontaminate\", \"shared\": 2}}\n"));
  EXPECT_THAT(
      Rejected(),
      HasSubstr(
          "ten eleven twelve\", \"rejected\": {\"rule\": \"decontaminate\", \"shared\": 1}}"));
}

TEST_F(DecontaminateJobTest, SetsMayHaveTheSameTexts) {
  pb::JobSpec spec = SpecWith(good_);
  pb::JobSpec::SideFile* const file = spec.add_files();
  file->set_name("twin.jsonl");
  file->mutable_file()->set_path("file://" + dir_ / "evaluation.jsonl");
  (*spec.mutable_params())["evaluation"] = "evaluation.jsonl, twin.jsonl";
  ExpectSucceeds(spec);
  EXPECT_THAT(Rejected(), HasSubstr("\"shared\": 1}"));
}

TEST_F(DecontaminateJobTest, SaysWhatIsWrong) {
  EXPECT_THAT(Run(SpecWith(good_ + "oops\n")).out,
              HasSubstr("files: evaluation.jsonl: line 3 is no JSON object"));
  // An escape that JSON does not have: the text would be missed, and the others be enough.
  EXPECT_THAT(Run(SpecWith(good_ + "{\"n\": [\"\\x\"], \"question\": \"it\\'s one\"}\n")).out,
              HasSubstr("files: evaluation.jsonl: line 3: 'question' is no JSON string"));
  EXPECT_THAT(Run(SpecWith("{\"text\": \"short\"}\n")).out,
              HasSubstr("files: evaluation.jsonl: holds no text of 13 words. Try: "));
  pb::JobSpec spec = SpecWith(good_);
  // A directory can be opened, and not be read.
  spec.mutable_files(0)->mutable_file()->set_path("file://" + dir_.path());
  EXPECT_THAT(Run(spec).out, HasSubstr("files: evaluation.jsonl: cannot be read to its end"));
  spec = SpecWith(good_);
  (*spec.mutable_params())["evaluation"] = "other";
  EXPECT_THAT(Run(spec).out, HasSubstr("files: the job has none called 'other'"));
  for (const std::string empty : {"", "  "}) {
    (*spec.mutable_params())["evaluation"] = empty;
    const Outcome outcome = Run(spec);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("params.evaluation = '" + empty +
                                       "': the list is empty. Try: evaluation.jsonl"));
  }
  (*spec.mutable_params())["evaluation"] = "evaluation.jsonl";
  (*spec.mutable_params())["words"] = "0";
  EXPECT_THAT(Run(spec).out,
              HasSubstr("params.words = '0': must be a whole number from 1 to 1000"));
}

}  // namespace
}  // namespace quern::mr
