// RunJob of the API's testing headers against the engine: the same classes over the same records
// have the same output, named outputs and counters.
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "mapreduce/api/testing.h"
#include "tests/jobs/local_jobs.h"
#include "tests/jobs/log_split.cc"

namespace quern::mr {
namespace {

using quern::testing::JobOptions;
using quern::testing::JobResult;
using quern::testing::Records;
using quern::testing::RunJob;

class RunJobAgainstTheEngine : public LocalJobsTest {
 protected:
  // Lines with their offsets, as the file `text` has them.
  Records RandomLog(uint64_t lines) {
    Records records;
    std::string text;
    for (uint64_t i = 0; i < lines; ++i) {
      const char* const severities[] = {"ERROR", "WARN", "INFO", "strange"};
      std::string line = severities[Below(4)];
      if (Below(9) > 0) line += fmt::format(" p{}: text {}", Below(lines / 2 + 1), Below(3));
      records.emplace_back(std::to_string(text.size()), line);
      text += line + "\n";
    }
    std::ofstream(dir_ / "text") << text;
    return records;
  }
  static std::string Sorted(const Records& records) {
    std::vector<std::string> lines;
    for (const auto& [key, value] : records) lines.push_back(key + "\t" + value + "\n");
    std::sort(lines.begin(), lines.end());
    return fmt::format("{}", fmt::join(lines, ""));
  }
  // Nothing was written to an output without files.
  std::string SortedFiles(const std::string& output) {
    return Shell(fmt::format("cat {}/{}/part-* 2>/dev/null | sort", dir_.path(), output)).out;
  }
};

TEST_F(RunJobAgainstTheEngine, HaveTheSameOutputsAndCounters) {
  const char* const names[] = {"errors", "warnings", "others", "rare"};
  pb::JobSpec spec = Spec("log_split", dir_ / "text");
  spec.mutable_output()->set_overwrite(true);
  for (const char* name : names) spec.add_outputs()->set_name(name);
  for (const uint64_t lines : {1, 10, 1000}) {
    const Records records = RandomLog(lines);
    const JobResult out = RunJob<SplitLog, CountLines>(
        records, {.outputs = {std::begin(names), std::end(names)},
                  .map_tasks = static_cast<uint32_t>(1 + Below(5)),
                  .reduce_tasks = static_cast<uint32_t>(1 + Below(5))});
    ASSERT_EQ(out.failure, "");
    spec.mutable_limits()->set_split_bytes(1 + Below(20'000));
    const Outcome real = Run(spec);
    ASSERT_EQ(real.exit_code, 0) << real.out;
    EXPECT_EQ(Sorted(out.records), SortedFiles("out"));
    for (const char* name : names) {
      EXPECT_EQ(Sorted(out.outputs.at(name)), SortedFiles(fmt::format("out-{}", name))) << name;
    }
    for (const auto& [name, value] : out.engine_counters) {
      EXPECT_THAT(real.out, ::testing::HasSubstr(fmt::format("quern.{} = {}\n", name, value)));
    }
  }
}

TEST_F(RunJobAgainstTheEngine, AFoldWritesTheSame) {
  const Records records = RandomLog(500);
  const JobOptions options = {.outputs = {"errors", "warnings", "others", "rare"},
                              .reduce_tasks = 3};
  const JobResult fold = RunJob<SplitLog, FoldLines>(records, options);
  const JobResult reducer = RunJob<SplitLog, CountLines>(records, options);
  ASSERT_EQ(fold.failure, "");
  EXPECT_EQ(fold.records, reducer.records);
  EXPECT_EQ(fold.outputs, reducer.outputs);
  EXPECT_EQ(fold.counters.at("rare"), fold.engine_counters.at("named_output_records: rare"));
  EXPECT_GT(fold.counters.at("rare"), 0);
}

}  // namespace
}  // namespace quern::mr
