// Which files make up the outputs of a finished job, and what they are called there.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mapreduce/engine/manifest.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

struct PublishedFile {
  std::string source;  // written by the chosen attempt
  Manifest::Part part;
};

struct PublishedOutput {
  std::string name;  // empty: the main one
  std::string path;
  std::vector<PublishedFile> files = {};  // in the order of the tasks
  // Records set aside, only of the main one: named _skipped/part-m-00000.
  std::vector<PublishedFile> skipped = {};
};

// The manifest of one of `outputs`; `base` says what they have in common, and counters for the main
// one.
Manifest MakeManifest(const Manifest& base, const std::vector<PublishedOutput>& outputs,
                      const PublishedOutput& output);

// Takes the result of each task, all maps before all reduces, each kind in order.
class OutputParts {
 public:
  // Borrowed.
  explicit OutputParts(const pb::JobSpec& spec);

  void Add(pb::TaskKind kind, uint32_t task, const pb::AttemptResult& result);
  // The main output, then the named ones in the order of the spec; those that share the directory
  // of the main one are part of it.
  std::vector<PublishedOutput> Take();

 private:
  const pb::JobSpec& spec_;
  const pb::TaskKind main_kind_;
  std::vector<PublishedOutput> outputs_;
  std::map<std::string, size_t> index_;  // of named outputs
};

}  // namespace quern::mr
