#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/jobs/local_jobs.h"
#include "tests/mapreduce/formats/warc_builder.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class WarcIndexJobTest : public LocalJobsTest {
 protected:
  Outcome RunOn(const std::string& bytes) {
    std::ofstream(dir_ / "in", std::ios::binary) << bytes;
    pb::JobSpec spec = Spec("warc_index", dir_ / "in");
    spec.mutable_inputs(0)->set_format("warc");
    spec.mutable_reduce()->set_partitioner("range");
    return Run(spec);
  }
};

TEST_F(WarcIndexJobTest, ListsRecordsByTheirTarget) {
  const std::string info = "WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n";
  const std::string b = GzipOf(info) + GzipOf(WarcResponse("http://b/x\ty", "hello", "",
                                                           "WARC-Date: 2026-11-28T18:00:00Z\r\n"));
  std::string damaged = GzipOf(WarcResponse("http://c/", "lost"));
  damaged[damaged.size() - 8] ^= 1;  // its checksum
  const std::string a = GzipOf(WarcRecord("conversion", "<http://a/>", "text/plain; q=1", "abc"));
  const Outcome outcome = RunOn(b + damaged + a);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Shell("cat " + dir_ / "out/part-*").out,
            fmt::format("http://a/\t-\tconversion\t-\ttext/plain\t3\t{}\tfile://{}/in\n"
                        "http://b/x y\t2026-11-28T18:00:00Z\tresponse\t200\ttext/plain\t5\t{}\t"
                        "file://{}/in\n",
                        b.size() + damaged.size(), dir_.path(), GzipOf(info).size(), dir_.path()));
  for (const char* counter : {"user.records_warcinfo = 1", "user.records_response = 1",
                              "user.status_200 = 1", "quern.map_set_aside_bad_member = 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(counter));
  }
}

TEST_F(WarcIndexJobTest, WhatIsNoWarcFileEndsTheJob) {
  const Outcome outcome = RunOn("once upon a time\n");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("in: is no WARC file"));
}

}  // namespace
}  // namespace quern::mr
