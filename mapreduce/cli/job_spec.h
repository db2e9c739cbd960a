// Job specs as people write them: TOML files, and KEY=VALUE pairs on the command line. Both go
// through one table of keys, so that everything in a file can also be said with --set.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/job_flags.h"
#include "mapreduce/cli/job_needs.h"
#include "mapreduce/cli/parameter_form.h"
#include "mapreduce/cli/side_file_kinds.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// Parameters that hold the commands of a job without a plugin of its own.
inline constexpr char kMapCommand[] = "command.map";
inline constexpr char kCombineCommand[] = "command.combine";
inline constexpr char kReduceCommand[] = "command.reduce";

// A parsed file. Usage, help and arguments are for jobs that come with Quern.
struct SpecFile {
  pb::JobSpec spec;
  std::string plugin;  // path as written
  std::string usage;   // "grep PATTERN IN OUT"
  std::string help;
  std::vector<std::string> arguments;  // keys that positional arguments before IN set
  // The output is an answer: `arguments` name all it reads, and without an OUT behind them it is
  // printed (answer.h).
  bool answers = false;
  std::string hint;  // shown when such a job is rejected
  // Programs that add an output to what is there, and make one of all (addition.h).
  std::string append_add;
  std::string append_merge;
  // The parameters that the job's classes read; not said: any may be set.
  std::optional<std::vector<std::string>> parameters;
  std::map<std::string, ParameterForm> forms;  // of those of them whose values are looked at
  std::vector<JobFlag> flags;                  // those of them that are flags as well
  std::vector<JobNeed> needs;                  // what the job does not begin without
  std::vector<FileKind> file_kinds;            // what its side files are
  // Side files as written: path -> name. A path of the cluster begins with /, anything else is a
  // file of this machine.
  std::vector<std::pair<std::string, std::string>> files;
  // The parameters of a pipeline in which paths of them stood, by name of the file.
  std::map<std::string, std::string> parameter_of_file;
};

// InvalidArgument with file, line and key; unknown keys name the nearest one.
absl::StatusOr<SpecFile> ParseSpec(std::string_view toml, std::string_view source);

// "reduce.tasks=8", "limits.memory=256MiB", "params.x=y". Keys of inputs (input.format=jsonl)
// change all inputs. InvalidArgument for an unknown key or a value that does not fit.
absl::Status SetSpecKey(std::string_view assignment, SpecFile* file);
absl::Status SetSpecKey(std::string_view key, std::string_view value, SpecFile* file);

// As [files] does; without a name, the last part of the path is taken.
void AddSideFile(std::string_view path, std::string_view name, SpecFile* file);

// InvalidArgument when a parameter is set that the job does not read, or to what it cannot read, or
// when something is missing that it needs.
absl::Status CheckParameters(const SpecFile& file);
// The former alone.
absl::Status CheckParameterNames(const SpecFile& file);
// InvalidArgument when a side file is not what the spec says it is.
absl::Status CheckKindsOfFiles(const SpecFile& file, const ReadFileStart& read);
// The others alone. What a pipeline fills in while it runs (`${...}`) is not known yet.
absl::Status CheckParameterForms(const SpecFile& file);

}  // namespace quern::mr
