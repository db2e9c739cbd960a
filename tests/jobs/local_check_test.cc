// mr run --local --check ends code that keeps what it was lent, and --tasks runs a few tasks alone.
#include <gmock/gmock.h>

#include <sstream>
#include <utility>
#include <vector>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LocalCheckTest : public LocalJobsTest {
 protected:
  // Of lines that begin alike, in one task of each kind.
  pb::JobSpec KeepingSpec(const std::string& how) {
    std::ofstream(dir_ / "in") << "one line\nof two\nthird\n";
    pb::JobSpec spec = Spec("keeps_views", dir_ / "in");
    spec.mutable_inputs(0)->set_mapper("KeepsViews");
    spec.mutable_reduce()->set_reducer("KeepsValues");
    spec.mutable_reduce()->set_tasks(1);
    (*spec.mutable_params())["how"] = how;
    return spec;
  }
  void ExpectFault(const pb::JobSpec& spec, const std::string& where, const std::string& fault) {
    const Outcome outcome = Run(spec, "", "--check");
    EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr(where));
    EXPECT_THAT(outcome.out, HasSubstr(fault));
    EXPECT_FALSE(FileSystem::Real()->Exists(dir_ / "out"));
  }
  Outcome Mr(const std::string& words) {
    return Shell(fmt::format("{}/mr {} 2>&1", std::getenv("QUERN_BIN"), words));
  }
  static std::string CountersOf(const Outcome& outcome) {
    std::istringstream lines(outcome.out);
    std::string counters;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("  ")) counters += line + "\n";
    }
    return counters;
  }
  std::string Names(const std::string& output) {
    return Shell(fmt::format("cd {}; ls -A {} 2> /dev/null", dir_.path(), output)).out;
  }
  std::string Contents(const std::string& files) {
    return Shell(fmt::format("cd {}; cat {} 2>&1", dir_.path(), files)).out;
  }
};

TEST_F(LocalCheckTest, AMapperThatKeepsAViewIsNamedWithTheRecord) {
  for (const auto& [how, fault] :
       {std::pair("value", "in:0 (m-00000.0) and it was used after Map had returned"),
        std::pair("value", "KeepsViews::Map kept a view of the value of the record at "),
        std::pair("key", "KeepsViews::Map kept a view of the key of the record at "),
        std::pair("path", "KeepsViews::Map kept a view of the path of a record "),
        std::pair("past", "KeepsViews::Map read past the end of the value of the record at "),
        std::pair("far", "KeepsViews::Map read past the end of the value of the record at "),
        std::pair("write", "KeepsViews::Map wrote into the value of the record at ")}) {
    ExpectFault(KeepingSpec(how), "m-00000.0 in Map, at file://" + dir_ / "in:", fault);
  }
}

// Not one of the combiner, which is called when what was emitted before is taken over.
TEST_F(LocalCheckTest, ARecordThatCannotBeReadIsAFaultOfTheMapperThatEmitsIt) {
  pb::JobSpec combines = KeepingSpec("far");
  combines.mutable_reduce()->set_combiner("KeepsInCombine");
  ExpectFault(combines, "m-00000.0 in Map, at file://" + dir_ / "in:0",
              "KeepsViews::Map read past the end of the value of the record at ");
}

// Where no record is at hand any more.
TEST_F(LocalCheckTest, AFaultOfADestructorIsNamedToo) {
  ExpectFault(KeepingSpec("end"), "its process ended with ",
              "KeepsViews::Map kept a view of the value of the record at ");
}

TEST_F(LocalCheckTest, SoIsOneOfBatchesAReducerAndACombiner) {
  pb::JobSpec batches = KeepingSpec("");
  batches.mutable_inputs(0)->set_mapper("KeepsBatch");
  batches.mutable_limits()->set_skip_bad_records(true);  // one record a batch
  ExpectFault(batches, "m-00000.0 in Map, at ",
              "KeepsBatch::MapBatch kept a view of the value of the record at ");
  ExpectFault(KeepingSpec("longest"), "r-00000.0 in Reduce, at key 0",
              "KeepsValues::Reduce kept a view of value 1 of the key 'o' (r-00000.0) and it was "
              "used after the next value was taken or Reduce had returned");
  ExpectFault(KeepingSpec("group key"), "r-00000.0 in Reduce, at key 1",
              "KeepsValues::Reduce kept a view of the key 'o' (r-00000.0) and it was used after "
              "Reduce had returned");
  pb::JobSpec combines = KeepingSpec("");
  combines.mutable_reduce()->set_combiner("KeepsInCombine");
  ExpectFault(combines, "m-00000.0 in the combiner",
              "KeepsInCombine::Combine kept a view of value 1 of the key 'o' (m-00000.0)");
}

TEST_F(LocalCheckTest, CodeThatKeepsNothingRunsAsEver) {
  std::ofstream(dir_ / "stop.txt") << "a\n";
  pb::JobSpec counts = Spec("wordcount", MakeText(50 << 10));
  (*counts.mutable_params())["stopwords"] = "stop";
  counts.add_files()->set_name("stop");
  counts.mutable_files(0)->mutable_file()->set_path("file://" + dir_ / "stop.txt");
  pb::JobSpec sorts = Spec("sort", dir_ / "text");
  sorts.mutable_reduce()->set_partitioner("range");
  std::ofstream(dir_ / "log") << "ERROR disk: full\nWARN net: slow\nnothing\nERROR net: down\n";
  pb::JobSpec splits = Spec("log_split", dir_ / "log");
  splits.mutable_reduce()->set_reducer("FoldLines");
  for (const char* name : {"errors", "warnings", "others", "rare"}) {
    splits.add_outputs()->set_name(name);
  }
  for (pb::JobSpec& spec : std::vector<pb::JobSpec>{counts, sorts, splits}) {
    spec.mutable_limits()->set_split_bytes(20 << 10);
    spec.mutable_output()->set_overwrite(true);
    const Outcome plain = Run(spec);
    ASSERT_EQ(plain.exit_code, 0) << plain.out;
    const std::string want = Contents("out*/part-*");
    EXPECT_NE(want, "");
    EXPECT_NE(CountersOf(plain), "");
    const Outcome checked = Run(spec, "", "--check");
    ASSERT_EQ(checked.exit_code, 0) << checked.out;
    EXPECT_EQ(Contents("out*/part-*"), want) << spec.name();
    EXPECT_EQ(CountersOf(checked), CountersOf(plain));
  }
}

TEST_F(LocalCheckTest, AFewMapsOfAMapOnlyJobLeaveTheirPartsAndNothingElse) {
  pb::JobSpec spec = Spec("grep", MakeText(50 << 10));
  spec.mutable_reduce()->set_tasks(0);
  spec.mutable_limits()->set_split_bytes(20 << 10);
  (*spec.mutable_params())["pattern"] = "a";
  ExpectSucceeds(spec);
  spec.mutable_output()->set_path("file://" + dir_ / "few");
  spec.mutable_output()->set_files("{i:03}-of-{n}");
  const Outcome few = Run(spec, "", "--tasks m-1");
  ASSERT_EQ(few.exit_code, 0) << few.out;
  EXPECT_THAT(few.out, HasSubstr("grep: ran 1 of 3 tasks: only their parts are in file://"));
  EXPECT_EQ(Names("few"), "part-m-00001\n");
  EXPECT_EQ(Contents("few/part-m-00001"), Contents("out/part-m-00001"));
  spec.mutable_output()->set_path("file://" + dir_ / "none");
  const Outcome unknown = Run(spec, "", "--tasks m-1,m-7");
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_THAT(unknown.out, HasSubstr("--tasks: there is no m-00007: the job has the maps m-00000 "
                                     "to m-00002 and no reduces"));
}

TEST_F(LocalCheckTest, AReduceIsRunAloneAndAfterAllMaps) {
  pb::JobSpec spec = Spec("wordcount", MakeText(50 << 10));
  spec.mutable_limits()->set_split_bytes(20 << 10);
  ExpectSucceeds(spec);
  spec.mutable_output()->set_path("file://" + dir_ / "few");
  const Outcome few = Run(spec, "", "--tasks r-2");
  ASSERT_EQ(few.exit_code, 0) << few.out;
  EXPECT_THAT(few.out, HasSubstr("ran 1 of 6 tasks (and all 3 maps, which reduces need)"));
  EXPECT_EQ(Names("few"), "part-r-00002\n");
  EXPECT_EQ(Contents("few/part-r-00002"), Contents("out/part-r-00002"));
  // What a map emits stays on the way when nothing is reduced.
  spec.mutable_output()->set_path("file://" + dir_ / "none");
  const Outcome map = Run(spec, "", "--tasks m-0 --json");
  ASSERT_EQ(map.exit_code, 0) << map.out;
  EXPECT_THAT(map.out, HasSubstr("\"reason\":\"1 of 6 tasks were run: this is no whole output\""));
  EXPECT_THAT(map.out, Not(HasSubstr("reduce_input_records")));
  EXPECT_EQ(Names("none"), "");
  EXPECT_THAT(Run(spec, "", "--tasks m-0").out,
              HasSubstr("ran 1 of 6 tasks: nothing of them is in file://" + dir_ / "none"));
}

TEST_F(LocalCheckTest, AFewTasksReplaceNothingWhateverTheSpecSays) {
  pb::JobSpec spec = Spec("wordcount", MakeText(10 << 10));
  spec.mutable_reduce()->set_tasks(2);
  ExpectSucceeds(spec);
  const std::string names = Names("out");
  spec.mutable_output()->set_overwrite(true);
  for (const char* tasks : {"m-0", "r-1"}) {
    const Outcome few = Run(spec, "", fmt::format("--tasks {}", tasks));
    EXPECT_EQ(few.exit_code, 3) << few.out;
    EXPECT_THAT(few.out, HasSubstr("exists already"));
  }
  EXPECT_EQ(Names("out"), names);
  EXPECT_EQ(Run(spec).exit_code, 0) << "all of them do";
}

TEST_F(LocalCheckTest, NamedOutputsHoldThePartsOfChosenTasksOnly) {
  std::string log = "WARN net: slow\n";
  for (int i = 0; i < 200; ++i) log += "ERROR disk: full\n";
  std::ofstream(dir_ / "log") << log;
  pb::JobSpec spec = Spec("log_split", dir_ / "log");
  spec.mutable_limits()->set_split_bytes(1000);
  spec.mutable_reduce()->set_reducer("CountLines");
  for (const char* name : {"errors", "warnings", "others", "rare"}) {
    spec.add_outputs()->set_name(name);
  }
  const Outcome outcome = Run(spec, "", "--tasks m-1,r-0,r-1,r-2");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Names("out-errors"), "part-m-00001\n");
  EXPECT_EQ(Names("out-warnings"), "");
  EXPECT_EQ(Names("out"), "part-r-00000\npart-r-00001\npart-r-00002\n");
  EXPECT_EQ(Contents("out/part-*"), "disk\t200\n");
}

// Whose files have names of their own in a whole output, which are numbers of its files.
TEST_F(LocalCheckTest, NamedOutputsInOneDirectoryHoldThePartsOfOneTask) {
  std::ofstream(dir_ / "log") << "ERROR disk: full\nWARN net: slow\nWARN net: down\n";
  pb::JobSpec spec = Spec("log_split", dir_ / "log");
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_reducer("CountLines");
  spec.mutable_output()->set_files("{i}.counts");
  for (const char* name : {"errors", "warnings", "others", "rare"}) {
    pb::JobSpec::NamedOutput* const named = spec.add_outputs();
    named->set_name(name);
    named->mutable_output()->set_path(".");
    named->mutable_output()->set_files(fmt::format("{{i}}.{}", name));
  }
  const Outcome outcome = Run(spec, "", "--tasks m-0,r-0");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Names("out"),
            "errors-part-m-00000\npart-r-00000\nrare-part-r-00000\nwarnings-part-m-00000\n");
  EXPECT_EQ(Contents("out/part-r-*"), "net\t2\n");
  EXPECT_EQ(Contents("out/rare-*"), "disk\t1\n");
}

TEST_F(LocalCheckTest, SkippedRecordsAreThoseOfChosenTasks) {
  std::ofstream(dir_ / "in") << "good\nskip this\n";
  pb::JobSpec spec = Spec("fragile", dir_ / "in");
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_reducer("FragileSum");
  spec.mutable_inputs(0)->set_mapper("FragileWords");
  const Outcome reduce = Run(spec, "", "--tasks r-0");
  ASSERT_EQ(reduce.exit_code, 0) << reduce.out;
  EXPECT_EQ(Names("out"), "part-r-00000\n");
  EXPECT_EQ(Contents("out/part-r-00000"), "good\t1\n");
  spec.mutable_output()->set_path("file://" + dir_ / "both");
  const Outcome both = Run(spec, "", "--tasks m-0,r-0");
  ASSERT_EQ(both.exit_code, 0) << both.out;
  EXPECT_EQ(Names("both"), "_skipped\npart-r-00000\n");
}

TEST_F(LocalCheckTest, TheFlagsAreForRunsHere) {
  const std::string paths = fmt::format("file://{0}/in file://{0}/out ", dir_.path());
  std::ofstream(dir_ / "in") << "a b\n";
  for (const auto& [words, why] :
       {std::pair("run wordcount --check ", "Try: mr run --local --check"),
        std::pair("run wordcount --tasks m-0 ", "Try: mr run --local --tasks m-0"),
        std::pair("run wordcount --local --tasks x ", "--tasks: x: not a task"),
        std::pair("run wordcount --local --tasks m-0 --overwrite ", "never replace an output"),
        std::pair("explain wordcount --local --tasks m-0 ", "Try: --splits"),
        std::pair("run pagerank --local --tasks m-0 ", "mr run --local JOB --tasks m-0")}) {
    const Outcome outcome = Mr(words + paths);
    EXPECT_EQ(outcome.exit_code, 2) << words << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr(why));
  }
  EXPECT_EQ(Names("out"), "");
  const Outcome both =
      Mr("run wordcount " + paths + "--local --check --tasks m-0,r-0 --reduce 1 --json");
  EXPECT_EQ(both.exit_code, 0) << both.out;
  EXPECT_THAT(both.out, HasSubstr("--local --check --tasks m-0,r-0\""));
  EXPECT_EQ(Contents("out/part-r-00000"), "a\t1\nb\t1\n");
}

TEST_F(LocalCheckTest, EachStageOfAPipelineIsChecked) {
  std::ofstream(dir_ / "edges") << "a\tb\nb\tc\nc\ta\n";
  const std::string run =
      fmt::format("run --local pagerank file://{0}/edges file://{0}/", dir_.path());
  ASSERT_EQ(Mr(run + "plain").exit_code, 0);
  const Outcome checked = Mr(run + "checked --check");
  EXPECT_EQ(checked.exit_code, 0) << checked.out;
  EXPECT_EQ(Contents("$(find checked -name 'part-*' | sort)"),
            Contents("$(find plain -name 'part-*' | sort)"));
}

}  // namespace
}  // namespace quern::mr
