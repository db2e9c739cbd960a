#include "mapreduce/cli/job_paths.h"

#include <algorithm>

#include "common/cli/command_line.h"
#include "common/sizes.h"

namespace quern::mr {

absl::Status CheckHasPaths(const SpecFile& file, std::string_view command) {
  const auto& inputs = file.spec.inputs();
  const bool complete =
      !inputs.empty() && !file.spec.output().path().empty() &&
      std::all_of(inputs.begin(), inputs.end(),
                  [](const pb::JobSpec::Input& input) { return !input.path().empty(); });
  if (complete) return absl::OkStatus();
  return UsageError(file.usage.empty()
                        ? "IN and OUT are missing: neither the command nor a spec names both"
                        : fmt::format("usage: {} {}", command, file.usage));
}

absl::Status SetInputs(const std::vector<std::string>& paths, std::string_view command,
                       SpecFile* file) {
  pb::JobSpec* const spec = &file->spec;
  const auto known = static_cast<size_t>(spec->inputs_size());
  if (known > 1 && paths.size() != known) {
    return UsageError(
        fmt::format("{}, but the spec has {} inputs{}", CountOf(paths.size(), "path"), known,
                    file->usage.empty() ? "" : fmt::format(": {} {}", command, file->usage)));
  }
  if (known == 0) spec->add_inputs();
  const pb::JobSpec::Input like = spec->inputs(0);
  while (static_cast<size_t>(spec->inputs_size()) < paths.size()) *spec->add_inputs() = like;
  for (size_t i = 0; i < paths.size(); ++i) {
    spec->mutable_inputs(static_cast<int>(i))->set_path(paths[i]);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
