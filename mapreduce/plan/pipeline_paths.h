// Where what lies between the stages of a pipeline lies.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace quern::mr {

inline constexpr std::string_view kPipelinesDir = "/.quern/pipelines";

// Everything of one pipeline until its end.
inline std::string PipelineDir(std::string_view pipeline_id) {
  return fmt::format("{}/{}", kPipelinesDir, pipeline_id);
}
// The output of one round of a stage, which is what its job makes; rounds count from 1.
inline std::string RoundPath(std::string_view pipeline_id, std::string_view stage, uint32_t round) {
  return fmt::format("{}/{}/{:04}", PipelineDir(pipeline_id), stage, round);
}
// Beside the stages' own directories, by names that no stage can have. What is going to appear at
// the output path, and what has lain there and is of no use any more.
inline std::string StagingDir(std::string_view pipeline_id) {
  return fmt::format("{}/.output", PipelineDir(pipeline_id));
}
inline std::string RetiredDir(std::string_view pipeline_id) {
  return fmt::format("{}/.retired", PipelineDir(pipeline_id));
}
// The output of that name of a stage whose main output is at `path`; "" is the main one.
inline std::string StageOutputPath(std::string_view path, std::string_view output) {
  return output.empty() ? std::string(path) : fmt::format("{}.{}", path, output);
}

}  // namespace quern::mr
