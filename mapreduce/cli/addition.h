// mr run JOB IN OUT --append: what a job makes is added to what is in OUT, where its spec says how.
//
//   [append]
//   add = "quern-search add"        # run as `quern-search add OUT NAME` when OUT/NAME is there
//   merge = "quern-search merge"    # then, with --merge: `quern-search merge OUT`
//
// The job itself writes a directory of its own within OUT, as any job does; that the addition
// appears whole or not at all is what these programs see to. They stand beside mr, or in PATH.
// `add` exits with 3 when the output can never be added; it is removed again then. After any other
// failure it stays, for another try.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/job_spec.h"

namespace quern::mr {

struct AdditionFlags {
  bool append = false;
  bool merge = false;
  // Others, which go with none of these.
  bool detach = false;
  bool overwrite = false;
  bool some_tasks = false;  // --tasks
};

class Addition {
 public:
  // UsageError when the flags do not go together.
  static absl::Status CheckFlags(const AdditionFlags& flags);

  // Turns OUT of the spec into OUT/NAME, a name that nothing else has. UsageError when the spec
  // does not say how its output is added.
  absl::Status Prepare(bool merge, SpecFile* file);
  // NotFound when OUT is not there: nothing can be added to it, and no job need run.
  absl::Status CheckThere(const Session& session) const;
  // Runs the programs; the exit code. An error says where the output lies and what to type.
  absl::StatusOr<int> Finish(const Session& session) const;

  // The command lines, without the flags for the cluster.
  const std::vector<std::vector<std::string>>& commands() const { return commands_; }

 private:
  absl::Status RemoveOutput(const Session& session) const;

  std::string out_;
  std::string path_;
  std::vector<std::vector<std::string>> commands_;
};

}  // namespace quern::mr
