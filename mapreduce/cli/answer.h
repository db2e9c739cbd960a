// The output of a job that answers whoever started it: it lies in a directory of its own, is
// printed on stdout and goes again. An answer that nobody was there to read any more, since `mr`
// was interrupted, is removed a day later by the next one that is asked for.
#pragma once

#include <memory>
#include <string>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/private_dir.h"

namespace quern::mr {

// Used by one thread.
class Answer {
 public:
  Answer() = default;
  // Removes what is there of it.
  ~Answer();
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  // Chooses the place; `local`: on this machine.
  absl::Status Prepare(const Session& session, bool local);
  // The output path of the job.
  const std::string& path() const { return path_; }
  // All parts in the order of their names. NotFound: the job has left none.
  absl::Status Print() const;

 private:
  absl::Status PrintFromCluster() const;
  absl::Status PrintFromHere() const;

  std::string path_;
  std::unique_ptr<client::FileSystem> dfs_;  // of an answer in a cluster
  PrivateDir dir_;                           // around one on this machine
};

}  // namespace quern::mr
