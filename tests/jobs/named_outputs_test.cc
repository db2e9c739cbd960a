// Whole local runs of a job with named outputs, against answers that are known.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class NamedOutputsTest : public LocalJobsTest {
 protected:
  pb::JobSpec SplitSpec() {
    std::ofstream(dir_ / "a") << "ERROR disk: full\nWARN net: slow\nnothing\nERROR net: down\n";
    std::ofstream(dir_ / "b") << "INFO disk: ok\nWARN cpu: hot\n";
    pb::JobSpec spec = Spec("log_split", dir_.path() + "/[ab]");
    spec.mutable_reduce()->set_tasks(2);
    spec.mutable_limits()->set_split_bytes(32);
    for (const char* name : {"errors", "warnings", "others", "rare", "unused"}) {
      spec.add_outputs()->set_name(name);
    }
    for (int i : {0, 1}) spec.mutable_outputs(i)->mutable_output()->set_format("raw");
    return spec;
  }
  std::string Sorted(const std::string& output) {
    return Shell(fmt::format("cat {}/{}/part-* | sort", dir_.path(), output)).out;
  }
  nlohmann::json ManifestOf(const std::string& output) {
    std::ifstream file(fmt::format("{}/{}/_MANIFEST.json", dir_.path(), output));
    return nlohmann::json::parse(file, nullptr, false);
  }
};

TEST_F(NamedOutputsTest, OneInputIsSplitIntoThree) {
  const Outcome outcome = Run(SplitSpec());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Sorted("out-errors"), "ERROR disk: full\nERROR net: down\n");
  EXPECT_EQ(Sorted("out-warnings"), "WARN cpu: hot\nWARN net: slow\n");
  EXPECT_EQ(Sorted("out-others"), "0\tINFO disk: ok\n32\tnothing\n");
  EXPECT_EQ(Sorted("out"), "disk\t2\nnet\t2\n");
  EXPECT_EQ(Sorted("out-rare"), "cpu\t1\n");
  EXPECT_THAT(outcome.out, HasSubstr("quern.named_output_records: errors = 2\n"));
  EXPECT_THAT(outcome.out, HasSubstr("quern.named_output_records: unused = 0\n"));
  EXPECT_THAT(outcome.out, HasSubstr("errors in file://" + dir_.path() + "/out-errors\n"));
}

TEST_F(NamedOutputsTest, EachHasItsManifestAndTheMainOneNamesThemAll) {
  ExpectSucceeds(SplitSpec());
  for (const char* name : {"out-errors", "out-unused"}) {
    EXPECT_TRUE(FileSystem::Real()->Exists(fmt::format("{}/{}/_SUCCESS", dir_.path(), name)));
  }
  EXPECT_EQ(ManifestOf("out-errors")["output"], "errors");
  EXPECT_EQ(ManifestOf("out-errors")["records"], 2);
  EXPECT_EQ(ManifestOf("out-unused")["parts"].size(), 0u);
  const nlohmann::json main = ManifestOf("out");
  EXPECT_EQ(main["outputs"].size(), 5u);
  EXPECT_EQ(main["outputs"]["warnings"]["records"], 2);
  EXPECT_EQ(main["outputs"]["warnings"]["path"], "file://" + dir_.path() + "/out-warnings");
  EXPECT_EQ(Shell("ls -A " + dir_.path()).out,
            "a\nb\nout\nout-errors\nout-others\nout-rare\nout-unused\nout-warnings\nspec\n");
}

TEST_F(NamedOutputsTest, EachHasItsOwnPathFormatCodecAndNames) {
  pb::JobSpec spec = SplitSpec();
  pb::JobSpec::Output* const errors = spec.mutable_outputs(0)->mutable_output();
  errors->set_path("file://" + dir_ / "deep/errors");
  errors->set_files("err-{i:03}-of-{n}.log.gz");
  spec.mutable_outputs(1)->mutable_output()->set_codec("zstd");
  spec.mutable_output()->set_files("{n}.{i:02}");
  ExpectSucceeds(spec);
  const std::string names = Shell("ls " + dir_ / "deep/errors").out;
  EXPECT_THAT(names, HasSubstr("err-000-of-"));
  EXPECT_THAT(names, HasSubstr(".log.gz\n"));
  EXPECT_EQ(Shell(fmt::format("zcat {}/*.gz | sort", dir_ / "deep/errors")).out,
            "ERROR disk: full\nERROR net: down\n");
  EXPECT_EQ(Shell(fmt::format("zstdcat {}/*.zst | sort", dir_ / "out-warnings")).out,
            "WARN cpu: hot\nWARN net: slow\n");
  EXPECT_EQ(Shell("ls " + dir_ / "out").out, "2.00\n2.01\n_MANIFEST.json\n_SUCCESS\n");
  EXPECT_EQ(Shell(fmt::format("cat {}/2.* | sort", dir_ / "out")).out, "disk\t2\nnet\t2\n");
}

TEST_F(NamedOutputsTest, UndeclaredNamesEndTheJobAndNothingIsLeft) {
  pb::JobSpec spec = SplitSpec();
  (*spec.mutable_params())["others"] = "odd";
  const Outcome outcome = Run(spec);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out,
              HasSubstr("output 'odd': the job has none of that name, it declares errors, others, "
                        "rare, unused, warnings, at "));
  EXPECT_THAT(outcome.out, HasSubstr(". Try: [outputs.odd] in its spec"));
  EXPECT_EQ(Shell("ls -A " + dir_.path()).out, "a\nb\nspec\n");
}

TEST_F(NamedOutputsTest, AFoldHasThemToo) {
  pb::JobSpec spec = SplitSpec();
  spec.mutable_reduce()->set_reducer("FoldLines");
  const Outcome outcome = Run(spec);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Sorted("out"), "disk\t2\nnet\t2\n");
  EXPECT_EQ(Sorted("out-rare"), "cpu\t1\n");
  EXPECT_THAT(outcome.out, HasSubstr("user.rare = 1\n"));
  EXPECT_THAT(outcome.out, HasSubstr("quern.named_output_records: rare = 1\n"));
  // A name that is not declared ends the job there as well.
  spec = SplitSpec();
  spec.mutable_reduce()->set_reducer("FoldLines");
  spec.mutable_output()->set_overwrite(true);
  spec.mutable_outputs()->DeleteSubrange(3, 1);
  EXPECT_THAT(Run(spec).out, HasSubstr("output 'rare': the job has none of that name"));
}

TEST_F(NamedOutputsTest, CombinersHaveNone) {
  pb::JobSpec spec = SplitSpec();
  spec.mutable_reduce()->set_combiner("BadCombiner");
  spec.mutable_limits()->set_split_bytes(1 << 20);  // so that a key comes twice in a task
  const Outcome outcome = Run(spec);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("only mappers and reducers have named outputs"));
}

TEST_F(NamedOutputsTest, AnyThatIsThereRefusesTheJobUnlessItMayBeReplaced) {
  ExpectSucceeds(SplitSpec());
  std::filesystem::remove_all(dir_ / "out");
  const Outcome refused = Run(SplitSpec());
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.out, HasSubstr("/out-errors: exists already"));
  EXPECT_FALSE(FileSystem::Real()->Exists(dir_ / "out"));
  pb::JobSpec again = SplitSpec();
  again.mutable_output()->set_overwrite(true);
  ExpectSucceeds(again);
  EXPECT_EQ(Sorted("out-errors"), "ERROR disk: full\nERROR net: down\n");
  std::ofstream(dir_ / "out-rare/mine") << "x";
  const Outcome kept = Run(again);
  EXPECT_EQ(kept.exit_code, 3);
  EXPECT_THAT(kept.out, HasSubstr("mine in it is not the output of a job"));
}

TEST_F(NamedOutputsTest, SampledMappersWriteNothingTwice) {
  pb::JobSpec spec = SplitSpec();
  spec.mutable_reduce()->set_partitioner("range");
  ExpectSucceeds(spec);
  EXPECT_EQ(Sorted("out-errors"), "ERROR disk: full\nERROR net: down\n");
}

}  // namespace
}  // namespace quern::mr
