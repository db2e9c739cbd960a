// Jobs and pipelines chosen at random, so that together they use what the engine promises: every
// kind of job, input and output format, folds, batches, ordered keys, named outputs, rounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/random.h"

namespace quern::campaign {

struct RandomJob {
  std::string what = {};               // for the log
  std::vector<std::string> argv = {};  // after "mr run", without inputs and output
  std::vector<std::string> inputs = {"text"};
  std::vector<std::string> outputs = {""};  // behind OUT: "", "-errors", "/top"
  // Some of its tasks wait at the gate.
  bool gated = false;
  bool is_pipeline = false;
  bool keeps = false;  // --keep: what lies between its stages has to be dropped
  // Of a pipeline: in this stage faults are to come, when so many of its rounds are done.
  std::string stage = {};
  int rounds = 0;
};

// Not thread-safe.
class RandomJobs {
 public:
  // Everything it writes lies below `dir`: specs, and in `dir`/in what the jobs read. The jobs are
  // those of `seed`.
  RandomJobs(std::string dir, uint64_t seed);

  // Writes the inputs, which RandomJob::inputs names; a test failure when it cannot.
  void WriteInputs();
  std::string InputDir() const { return dir_ + "/in"; }

  // `gate`: the file at which tasks are to wait (tests/cluster/gate.h).
  RandomJob Next(const std::string& gate);

 private:
  RandomJob Lines();
  RandomJob Words();
  RandomJob Batches();
  RandomJob Objects();
  RandomJob Visits();
  RandomJob Joined();
  RandomJob Severities();
  RandomJob GatedJob(const std::string& gate);
  RandomJob GatedPipeline(const std::string& gate);
  RandomJob Graph();
  RandomJob Corpus();
  RandomJob Rows();

  // One of them.
  std::string Pick(std::initializer_list<const char*> choices);
  uint64_t Below(uint64_t n) { return random_() % n; }
  // --reduce and limits.split, which change the tasks and never the records.
  std::vector<std::string> Cuts();
  std::string WriteSpec(const std::string& name, const std::string& text);

  const std::string dir_;
  const uint64_t seed_;
  Random random_;
};

// False where the build has no Parquet: jobs that need it are left out then.
bool HasParquet();

}  // namespace quern::campaign
