// What a job says about its commands, and what they find in their environment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/command/wire.h"
#include "mapreduce/api/mapreduce.h"

namespace quern::command {

enum class Role { kMap, kCombine, kReduce };

struct Settings {
  std::string command;  // empty: the job has none for this role
  bool frames = false;
  LineRules input;
  LineRules output;
};

// Fails the job when a parameter makes no sense.
Settings ReadSettings(TaskContext& context, Role role);

// The variables of Hadoop Streaming in both of its styles, the parameters of the job with "_" for
// every character that is none of a name, and what the task itself has. `input` is the file that
// is read, if it is one for the life of the command.
std::vector<std::string> Environment(TaskContext& context, Role role, const SplitPiece* input);

// A directory with the job's side files under their names, which a command runs in. Programs among
// them (those that begin with #! or are ELF files) can be run.
class WorkDir {
 public:
  explicit WorkDir(TaskContext& context);
  ~WorkDir();
  WorkDir(const WorkDir&) = delete;
  WorkDir& operator=(const WorkDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace quern::command
