// What a program that runs jobs asks `mr`, and what it makes of the answers.
#include "mapreduce/api/submit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace quern {
namespace {

// Stands for `mr`: keeps what it is asked and says what it was told.
class SubmitTest : public ::testing::Test {
 protected:
  SubmitTest() {
    const std::string& dir = dir_.path();
    std::ofstream(dir_ / "mr") << "#!/bin/sh\nprintf '%s\\n' \"$@\" > " << dir
                               << "/words\n[ \"$1\" = run ] && cat \"$2\" > " << dir
                               << "/spec\ncat " << dir << "/answer\ncat " << dir
                               << "/errors >&2\nexit $(cat " << dir << "/code)\n";
    std::filesystem::permissions(dir_ / "mr", std::filesystem::perms::owner_all);
    cluster_.mr = dir_ / "mr";
    spec_.plugin = "/lib/job.so";
    spec_.inputs = {{.path = "/in"}};
    spec_.output.path = "/out";
  }
  void Answer(const std::string& output, const std::string& errors = "", int code = 0) {
    std::ofstream(dir_ / "answer") << output;
    std::ofstream(dir_ / "errors") << errors;
    std::ofstream(dir_ / "code") << code;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(dir_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The code of the error, and its text.
  std::pair<int, std::string> ErrorOfSubmit() {
    try {
      Submit(spec_, cluster_);
    } catch (const SubmitError& error) {
      return {error.code(), error.what()};
    }
    return {0, ""};
  }

  const TempDir dir_;
  JobCluster cluster_;
  JobSpec spec_;
};

TEST_F(SubmitTest, ASpecIsWrittenAsAFileHasIt) {
  spec_.name = "a \"b\"\n\\";
  spec_.inputs = {{.path = "/l", .tag = "left"}, {.path = "/r", .format = "record", .mapper = "M"}};
  spec_.reduce_tasks = 0;
  spec_.output.codec = "zstd";
  spec_.outputs["odd"].format = "jsonl";
  spec_.params = {{"a.b", "1"}, {"none", ""}};
  spec_.files = {{"lists/stop.txt", "stop.txt"}};
  spec_.settings = {{"limits.memory", "2GiB"}, {"params.c.d", "2"}, {"output.codec", "gzip"}};
  spec_.overwrite = true;
  Answer("{\"job\":\"job-1\"}\n");
  EXPECT_EQ(Submit(spec_, cluster_), "job-1");
  EXPECT_EQ(Read("spec"), R"("files"."lists/stop.txt" = "stop.txt"
"limits"."memory" = "2GiB"
"name" = "a \"b\"\u000a\\"
"output"."codec" = "gzip"
"output"."overwrite" = "true"
"output"."path" = "/out"
"outputs"."odd"."format" = "jsonl"
"params"."a.b" = "1"
"params"."c.d" = "2"
"params"."none" = ""
"plugin" = "/lib/job.so"
"reduce"."tasks" = "0"
[[input]]
"path" = "/l"
"tag" = "left"
[[input]]
"format" = "record"
"mapper" = "M"
"path" = "/r"
)");
}

TEST_F(SubmitTest, MrIsToldWhomToAsk) {
  cluster_.coordinator = "c:1";
  cluster_.master = "m:2";
  Answer("{\"job\":\"job-1\",\"state\":\"SUCCEEDED\"}\n");
  EXPECT_TRUE(Wait("job-1", cluster_).succeeded);
  EXPECT_EQ(Read("words"), "watch\njob-1\n--json\n--coordinator\nc:1\n--master\nm:2\n");
}

TEST_F(SubmitTest, TheEndOfAJobIsAResult) {
  Answer(
      "printed by a class\n"
      R"({"job":"","state":"FAILED","reason":"it said \"no\"\n\u0007","list":[{"a":1},[],null],)"
      R"("counters":{"user.n":-3,"quern.map_input_records":9007199254740993},"ok":false})"
      "\n",
      "", 1);
  const JobResult result = RunLocally(spec_, cluster_);
  EXPECT_THAT(Read("words"), ::testing::HasSubstr("\n--local\n--json\n"));
  EXPECT_FALSE(result.succeeded);
  EXPECT_EQ(result.state, "FAILED");
  EXPECT_EQ(result.reason, "it said \"no\"\n\a");
  EXPECT_EQ(result.counters.at("user.n"), -3);
  EXPECT_EQ(result.counters.at("quern.map_input_records"), 9007199254740993);
  EXPECT_TRUE(result.json.starts_with("{\"job\"")) << result.json;
}

TEST_F(SubmitTest, WhatIsRefusedIsThrown) {
  Answer("", "compiling\n{\"error\":{\"code\":\"X\",\"message\":\"/out: exists already\"}}\n", 3);
  EXPECT_EQ(ErrorOfSubmit(), std::pair(3, std::string("/out: exists already")));
  Answer("", "job.cc:3: error\n", 3);
  EXPECT_EQ(ErrorOfSubmit(), std::pair(3, std::string("job.cc:3: error\n")));
  for (const std::string broken :
       {"", "{", "{\"job\":", "{\"job\":\"x}", "[1,", "{\"a\":1}x", "{}"}) {
    Answer(broken, "", 5);
    EXPECT_EQ(ErrorOfSubmit().first, 5) << broken;
  }
  cluster_.mr = dir_ / "none";
  EXPECT_EQ(ErrorOfSubmit().first, 127);
}

}  // namespace
}  // namespace quern
