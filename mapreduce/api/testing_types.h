// What goes into a job or a class that is tested, and what comes out (testing.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace quern::testing {

using Record = std::pair<std::string, std::string>;  // key, value
using Records = std::vector<Record>;
using Params = std::map<std::string, std::string>;
// Name -> path.
using Files = std::map<std::string, std::string>;
// Key and values.
using Groups = std::vector<std::pair<std::string, std::vector<std::string>>>;

// A `[[input]]` of a job.
struct JobInput {
  std::string tag = {};  // in.source().tag()
  Records records = {};
  std::string format = "text";  // context.input_format(); the records stay as they are
};

// The parts of a spec that matter to a job over records in memory.
struct JobOptions {
  Params params = {};
  Files files = {};                       // [files]: name -> path
  std::vector<std::string> outputs = {};  // names of the [outputs.NAME] that the spec declares
  std::vector<JobInput> inputs = {};      // further ones, after that of RunJob, with their tags
  uint32_t map_tasks = 2;                 // for each input, whose records are dealt out in order
  uint32_t reduce_tasks = 1;              // 0: map only
  uint32_t group = 0;  // leading parts of an Ordered key that make a group; 0: all
  // Parts one after another are sorted, as with `partitioner = "range"`; else keys are hashed,
  // though not to the same parts as in a cluster.
  bool range = false;
  // A map task combines whenever it has emitted so many records, and once more at its end.
  uint32_t combine_records = 4;
  bool skip_bad_records = false;  // limits.skip_bad_records, after one failure instead of two
};

// A record or group that was set aside.
struct Skipped {
  std::string reason;
  std::string key;
  std::string value;  // empty for a group
  bool operator==(const Skipped&) const = default;
};

// Of a job that failed only `failure`, and `status`.
struct JobResult {
  Records records;                          // of all parts, one after another
  std::vector<Records> parts;               // of each reduce task, or map task of a map-only job
  std::map<std::string, Records> outputs;   // named ones
  std::map<std::string, int64_t> counters;  // of user code
  std::map<std::string, int64_t> engine_counters;  // "map_input_records", ...
  std::vector<Skipped> skipped;
  std::string status;   // the last one set
  std::string failure;  // what `mr` would show; empty: the job succeeded
};

}  // namespace quern::testing
