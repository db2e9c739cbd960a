// Side files of a stage that a parameter lists: "${PARAMETER}" = "" below [stage.files].
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/cli/pipeline_spec.h"

namespace quern::mr {

// Of a key of the stage, "files.${PARAMETER}"; nothing for others. With a name as its value the
// parameter of the stage's condition is none either: it stands for itself, as in all keys.
std::optional<std::string> ParameterOfFiles(const StageFile& stage, std::string_view key,
                                            std::string_view value);

// What side files of these paths are called: as the files are. Where several files are called the
// same, the directories that tell them apart stand in front: mmlu_test.jsonl and gsm8k_test.jsonl
// of mmlu/test.jsonl and gsm8k/test.jsonl. Nothing tells a file from itself.
std::vector<std::string> NamesOfFiles(const std::vector<std::string>& paths);

// A side file for each path in the parameter, which the stage or else the pipeline (`params`) says;
// none where nobody has set it. `name`: what it is called; empty: NamesOfFiles. The job finds the
// names in its parameter, where the paths were.
absl::Status AddListedFiles(const Settings& params, std::string_view parameter,
                            std::string_view name, LoadedStage* stage);

}  // namespace quern::mr
