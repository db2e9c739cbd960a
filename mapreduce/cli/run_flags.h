// The flags and arguments of mr run and mr explain, as they were typed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/command_line.h"

namespace quern::mr {

struct RunFlags {
  std::vector<std::string> words;  // the job, and what stands behind it that is no flag
  std::vector<std::string> settings;
  std::vector<std::string> files;
  std::vector<std::string> maps;
  std::string combine_command, io;
  std::vector<std::string> reduces;
  std::string memory, replication, format, name;
  std::string mapper, reducer, combiner, partitioner;
  std::string tasks;
  std::optional<int64_t> threads;
  bool map_only = false;
  bool overwrite = false;
  bool append = false;
  bool merge = false;
  bool keep = false;
  bool detach = false;
  bool local = false;
  bool check = false;
  bool dry_run = false;
  bool all_splits = false;

  // `explains`: those of mr explain.
  void Define(bool explains, CommandLine* line);

  // What to type for the same once more; how its end is waited for is no part of it. `own`: the
  // flags that only the job has, as text behind a blank each.
  std::string CommandText(const std::string& own) const;

 private:
  std::string Text() const;
};

}  // namespace quern::mr
