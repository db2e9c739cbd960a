// Runs of one small job over a text that the test writes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {

class ClassicJobsTest : public LocalJobsTest {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name, std::ios::binary) << text;
    return dir_ / name;
  }
  pb::JobSpec SpecOf(const std::string& job, const std::string& text) {
    pb::JobSpec spec = Spec(job, Write("text", text));
    spec.mutable_output()->set_overwrite(true);
    return spec;
  }
  static void Set(pb::JobSpec* spec, const std::string& name, const std::string& value) {
    (*spec->mutable_params())[name] = value;
  }
  std::string Output() { return Shell(fmt::format("cat {}/out/part-*", dir_.path())).out; }
  std::vector<std::string> Lines() {
    std::vector<std::string> lines;
    const std::string output = Output();
    for (size_t at = 0; at < output.size();) {
      const size_t end = output.find('\n', at);
      lines.push_back(output.substr(at, end - at));
      at = end + 1;
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::string Manifest() {
    return *ReadFileToString(FileSystem::Real(), dir_ / "out/_MANIFEST.json");
  }
  void ExpectFails(const pb::JobSpec& spec, const std::string& with) {
    const Outcome outcome = Run(spec);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_NE(outcome.out.find(with), std::string::npos) << outcome.out;
  }
};

using Strings = std::vector<std::string>;

}  // namespace quern::mr
