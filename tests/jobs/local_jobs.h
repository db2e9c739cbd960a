// Whole runs of ready-made jobs by quern-task --local on real files.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "common/storage/file_io.h"
#include "mapreduce/engine/task_id.h"
#include "tests/support/random_test.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {

struct Outcome {
  int exit_code = 0;
  std::string out;
};

inline Outcome Shell(const std::string& command) {
  Outcome outcome;
  std::FILE* pipe = popen(("export LC_ALL=C; " + command).c_str(), "r");
  char buffer[4096];
  size_t got = 0;
  while ((got = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0) outcome.out.append(buffer, got);
  outcome.exit_code = WEXITSTATUS(pclose(pipe));
  return outcome;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kIsSanitized = true;  // which takes more than the program
#else
inline constexpr bool kIsSanitized = false;
#endif

class LocalJobsTest : public RandomTest {
 protected:
  pb::JobSpec Spec(const std::string& job, const std::string& input) {
    pb::JobSpec spec;
    spec.set_name(job);
    spec.mutable_plugin()->set_path(std::string(std::getenv("QUERN_JOBS")) + "/lib" + job + ".so");
    spec.add_inputs()->set_path("file://" + input);
    spec.mutable_output()->set_path("file://" + dir_ / "out");
    spec.mutable_reduce()->set_tasks(3);
    // Several map tasks, whatever the size of the input.
    spec.mutable_limits()->set_split_bytes(2 << 20);
    spec.mutable_limits()->set_memory_bytes(64 << 20);
    return spec;
  }
  // Exit code and what it printed on both channels. `before`: what the shell does first.
  Outcome Run(const pb::JobSpec& spec, const std::string& before = "",
              const std::string& flags = "") {
    std::ofstream(dir_ / "spec", std::ios::binary) << spec.SerializeAsString();
    return Shell(fmt::format("{}{}/quern-task --local {} {} 2>&1", before, std::getenv("QUERN_BIN"),
                             dir_ / "spec", flags));
  }
  void ExpectSucceeds(const pb::JobSpec& spec) {
    const Outcome outcome = Run(spec);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    EXPECT_TRUE(FileSystem::Real()->Exists(dir_ / "out/_SUCCESS"));
    EXPECT_TRUE(FileSystem::Real()->Exists(dir_ / "out/_MANIFEST.json"));
  }
  // What it printed, with so much memory and no more: limits.memory does not hold in a local run.
  std::string RunWithin(int mebibytes, const pb::JobSpec& spec) {
    const std::string within = fmt::format("ulimit -d {}; ", mebibytes * 1024);
    const Outcome outcome = Run(spec, kIsSanitized ? "" : within);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
    return outcome.out;
  }
  // "" when the two commands print the same.
  std::string Difference(const std::string& a, const std::string& b) {
    return Shell(fmt::format("cd {}; bash -c \"cmp <({}) <({})\" 2>&1", dir_.path(), a, b)).out;
  }
  std::string MakeText(size_t bytes) {
    std::string text;
    while (text.size() < bytes) {
      for (uint64_t i = Below(8); i > 0; --i) text += static_cast<char>('a' + Below(1 + Below(26)));
      text += " \t\r\n\n"[Below(5)];
    }
    std::ofstream(dir_ / "text", std::ios::binary) << text;
    return dir_ / "text";
  }

  const TempDir dir_;
};

}  // namespace quern::mr
