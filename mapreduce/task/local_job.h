// The steps of a job in one process: plan, sample, map, reduce, publish.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/plan/output_parts.h"
#include "mapreduce/plan/task_choice.h"
#include "mapreduce/task/held_descriptors.h"
#include "mapreduce/task/leftovers.h"
#include "mapreduce/task/lent_memory.h"
#include "mapreduce/task/plugin.h"
#include "mapreduce/task/user_context.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// "/a/b" -> "/a/.b.1f2e3d4c": a hidden name, which inputs skip.
std::string HiddenBeside(const std::string& path);

// Tasks run on several threads, each within the job's memory limit. Used by one thread.
class LocalJob {
 public:
  // Notes in `leftovers` what it makes and removes again.
  LocalJob(pb::JobSpec spec, uint32_t threads, client::ClientOptions dfs, Leftovers* leftovers);
  ~LocalJob();

  // Before Prepare. Borrowed; null: user code is not checked.
  void SetLentMemory(LentMemory* memory) { lent_memory_ = memory; }
  // Before Run. Borrowed; null: nobody looks whether user code has closed one.
  void SetHeld(const HeldDescriptors* held) { held_ = held; }
  // Before Run: no progress is shown.
  void SetQuiet(bool quiet) { quiet_ = quiet; }
  // Before Prepare: only these tasks are run, beside the maps that reduces among them need. Their
  // parts are all that is written: no manifest and no _SUCCESS says that it is an output, so they
  // replace nothing, whatever the spec says.
  void Choose(TaskChoice choice);

  // Loads the plugin and plans. An error means that the job is rejected; nothing has happened then.
  absl::Status Prepare();
  // Runs every task and publishes the output. After an error nothing is left behind.
  absl::Status Run();

  const pb::JobSpec& spec() const { return spec_; }
  // After Run: sums over all tasks.
  const std::vector<pb::Counter>& counters() const { return manifest_.counters; }
  // How many tasks were run, where some were chosen: "3 of 17 tasks". Empty when all were.
  std::string ChoiceText() const;
  // After Run: whether the output of this path was made. Of a few tasks there may be nothing.
  bool HasWritten(const std::string& path) const { return written_.contains(path); }

 private:
  using Tasks = std::vector<pb::TaskSpec>;
  using Results = std::vector<pb::AttemptResult>;
  // Tasks of one kind that were run, each with its result.
  struct Ran {
    Tasks tasks = {};
    Results results = {};
  };

  // Looks at what is there: where the outputs are to go, and the inputs.
  absl::Status PlanFiles();
  absl::Status ChooseBounds();
  Tasks MakeTasks(pb::TaskKind kind, const std::vector<pb::Split>& splits) const;
  Tasks MakeReduceTasks(const Results& maps) const;
  // Runs them in any order, at most threads_ at once, until the first error.
  absl::StatusOr<Results> RunAll(std::string_view what, const Tasks& tasks);
  absl::StatusOr<Ran> RunKind(std::string_view what, Tasks tasks);
  absl::Status FetchSideFiles();
  absl::Status RunTasks();
  absl::Status Publish(const Ran& maps, const Ran& reduces);
  // What tasks have written that ran only because others needed them.
  absl::Status RemoveUnchosen(const Ran& maps);
  // Outputs in one directory: of a few tasks, the files of named ones begin with the name.
  void KeepApart(PublishedOutput* output) const;
  absl::Status FillOutput(const PublishedOutput& output, const std::string& dir,
                          const Manifest& manifest);
  // Of the output of this name; empty: the main one.
  const std::string& TemporaryOf(const std::string& output) const;
  absl::Status WriteFile(const std::string& path, const std::string& contents);

  pb::JobSpec spec_;
  const uint32_t threads_;
  const client::ClientOptions dfs_options_;
  const std::unique_ptr<Storage> storage_;
  Leftovers* const leftovers_;
  std::unique_ptr<Plugin> plugin_;
  LentMemory* lent_memory_ = nullptr;
  const HeldDescriptors* held_ = nullptr;
  bool quiet_ = false;
  TaskChoice choice_;
  std::set<std::string> written_;
  std::vector<pb::Split> splits_;
  std::vector<std::string> bounds_;
  std::string scratch_;  // directory of this machine, for map outputs and spills
  SideFiles files_;
  std::vector<std::string> temporary_;  // beside each output a directory, that becomes the output;
                                        // the main one's first, then as the spec names them
  Manifest manifest_;
};

}  // namespace quern::mr
