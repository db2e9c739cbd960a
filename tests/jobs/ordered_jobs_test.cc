// Jobs whose keys are made of parts: top-n and sessions, against answers worked out another way.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

class OrderedJobsTest : public LocalJobsTest {
 protected:
  pb::JobSpec SpecOf(const std::string& job, const std::string& text) {
    std::ofstream(dir_ / "text", std::ios::binary) << text;
    pb::JobSpec spec = Spec(job, dir_ / "text");
    spec.mutable_output()->set_overwrite(true);
    return spec;
  }
  std::string Output() { return Shell(fmt::format("cat {}/out/part-*", dir_.path())).out; }
};

TEST_F(OrderedJobsTest, TopNIsThatOfSort) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) {
    text += fmt::format("key-{:06}\t{}\n", i * 7919 % 200'000,
                        static_cast<int64_t>(Below(1 << 20)) - (1 << 19));
  }
  pb::JobSpec spec = SpecOf("top_n", text);
  spec.mutable_reduce()->set_tasks(1);
  for (const char* n : {"1", "10", "1000"}) {
    (*spec.mutable_params())["n"] = n;
    ExpectSucceeds(spec);
    EXPECT_EQ(Difference("cat out/part-*",
                         fmt::format("sort -t $'\\t' -k2,2nr -k1,1 text | head -n {}", n)),
              "");
  }
}

// The last of them are some of many that are equal, in each of the map tasks.
TEST_F(OrderedJobsTest, TopNOfFewDifferentNumbers) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += fmt::format("key-{:05}\t{}\n", Below(40'000), Below(5));
  pb::JobSpec spec = SpecOf("top_n", text);
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_limits()->set_split_bytes(64 << 10);
  for (const char* n : {"100", "5000", "12000", "1000000"}) {
    (*spec.mutable_params())["n"] = n;
    ExpectSucceeds(spec);
    EXPECT_EQ(Difference("cat out/part-*",
                         fmt::format("sort -t $'\\t' -k2,2nr -k1,1 text | head -n {}", n)),
              "");
  }
}

// All lines of one map task, within 250 MiB: they take more as strings in a tree.
TEST_F(OrderedJobsTest, TopNOfManyIsNotHeld) {
  constexpr int kLines = 1'050'000;
  const std::string rest(150, 'x');
  std::string text;
  for (int i = 0; i < kLines; ++i) {
    text += fmt::format("{:07}{}\t{}\n", i * int64_t{7919} % kLines, rest, Below(1'000));
  }
  pb::JobSpec spec = SpecOf("top_n", text);
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_limits()->set_split_bytes(1 << 30);
  (*spec.mutable_params())["n"] = "1000000";
  RunWithin(250, spec);
  EXPECT_EQ(Difference("cat out/part-*", "sort -t $'\\t' -k2,2nr -k1,1 text | head -n 1000000"),
            "");
}

TEST_F(OrderedJobsTest, TopNOfNegativeAndEqualNumbers) {
  pb::JobSpec spec = SpecOf("top_n", "b\t-5\na\t-5\nc\t-12\nd\t100\ne\t9\na\t-5\n");
  spec.mutable_reduce()->set_tasks(1);
  (*spec.mutable_params())["n"] = "5";
  ExpectSucceeds(spec);
  EXPECT_EQ(Output(), "d\t100\ne\t9\na\t-5\na\t-5\nb\t-5\n");
  spec.mutable_reduce()->set_tasks(2);
  EXPECT_NE(Run(spec).out.find("reduce.tasks: must be 1"), std::string::npos);
}

std::string LogLine(const std::string& host, int64_t second, int bytes) {
  return fmt::format(
      "{} - - [17/May/2015:{:02}:{:02}:{:02} +0200] \"GET /at/{} HTTP/1.1\" 200 {} \"-\" \"x\"\n",
      host, second / 3600, second / 60 % 60, second % 60, second, bytes);
}

// 2015-05-17 00:00:00 +0200.
constexpr int64_t kMidnight = 1'431'813'600;

TEST_F(OrderedJobsTest, SessionsOfAFewLines) {
  pb::JobSpec spec =
      SpecOf("sessions", LogLine("b", 4000, 5) + LogLine("a", 1000, 1) + "no line of a log\n" +
                             LogLine("a", 100, 2) + LogLine("a", 2801, 4) + LogLine("a", 1000, 8));
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_group(1);
  ExpectSucceeds(spec);
  EXPECT_EQ(Output(), fmt::format("a\t{}\t900\t3\t11\t/at/100\n"
                                  "a\t{}\t0\t1\t4\t/at/2801\n"
                                  "b\t{}\t0\t1\t5\t/at/4000\n",
                                  kMidnight + 100, kMidnight + 2801, kMidnight + 4000));
  EXPECT_NE(ReadFileToString(FileSystem::Real(), dir_ / "out/_MANIFEST.json")
                ->find("\"map_skipped_records\": 1"),
            std::string::npos);
}

TEST_F(OrderedJobsTest, BytesOfASessionDoNotOverflow) {
  std::string text;
  for (int i = 0; i < 10; ++i) {
    text += "h - - [17/May/2015:00:00:00 +0200] \"GET /a HTTP/1.1\" 200 999999999999999999\n";
  }
  pb::JobSpec spec = SpecOf("sessions", text);
  spec.mutable_reduce()->set_tasks(1);
  spec.mutable_reduce()->set_group(1);
  ExpectSucceeds(spec);
  EXPECT_EQ(Output(), fmt::format("h\t{}\t0\t10\t9223372036854775807\t/a\n", kMidnight));
}

// Every partitioner keeps a host together, and its requests in order, however they were spread.
TEST_F(OrderedJobsTest, SessionsAreThoseOfSortedRequests) {
  std::vector<std::pair<std::string, int64_t>> requests;
  for (int i = 0; i < 40'000; ++i) {
    requests.emplace_back(fmt::format("host{}", Below(OneIn(2) ? 3 : 2000)),
                          static_cast<int64_t>(Below(86'400)));
  }
  std::string text;
  for (const auto& [host, second] : requests) text += LogLine(host, second, 1);
  std::sort(requests.begin(), requests.end());
  std::vector<std::string> want;
  for (size_t i = 0; i < requests.size();) {
    size_t end = i + 1;
    while (end < requests.size() && requests[end].first == requests[i].first &&
           requests[end].second - requests[end - 1].second <= 600) {
      ++end;
    }
    want.push_back(fmt::format(
        "{}\t{}\t{}\t{}\t{}\t/at/{}", requests[i].first, kMidnight + requests[i].second,
        requests[end - 1].second - requests[i].second, end - i, end - i, requests[i].second));
    i = end;
  }
  std::sort(want.begin(), want.end());
  for (const char* partitioner : {"hash", "range"}) {
    pb::JobSpec spec = SpecOf("sessions", text);
    spec.mutable_limits()->set_split_bytes(256 << 10);
    spec.mutable_reduce()->set_tasks(4);
    spec.mutable_reduce()->set_group(1);
    spec.mutable_reduce()->set_partitioner(partitioner);
    (*spec.mutable_params())["gap_seconds"] = "600";
    ExpectSucceeds(spec);
    std::vector<std::string> got;
    std::string output = Output();
    for (size_t at = 0; at < output.size(); at = output.find('\n', at) + 1) {
      got.push_back(output.substr(at, output.find('\n', at) - at));
    }
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, want) << partitioner;
  }
}

TEST_F(OrderedJobsTest, KeysWithoutPartsAreRefused) {
  for (const uint32_t tasks : {1, 3}) {
    pb::JobSpec spec = SpecOf("wordcount", "a b\n");
    spec.mutable_reduce()->set_group(1);
    spec.mutable_reduce()->set_tasks(tasks);
    EXPECT_NE(Run(spec).out.find("reduce.group = 1: a key that is not made of parts"),
              std::string::npos)
        << tasks;
  }
}

}  // namespace
}  // namespace quern::mr
