// Decides what to make of reducers that cannot fetch map outputs, and whom to blame.
//
// One report alone may come from a reducer whose own machine has the fault, so it is only
// remembered. An output is given up when a second worker agrees, when the same reducer has tried in
// vain three times (a block that only it reads may be damaged), or when nobody else could agree. A
// worker of which several outputs were given up cannot be reached: all that it holds is given up at
// once, since otherwise each output would take as long to be noticed. And a worker whose reducers
// reach nobody, while the workers that they complain about are reached by others, is cut off
// itself. One object per job; memory only for what was complained about. No locks.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

class FetchFailures {
 public:
  // About attempt `map_attempt` of `map_task`, which is the chosen one and lies on `holder`.
  struct Report {
    uint32_t map_task = 0;
    uint32_t map_attempt = 0;
    WorkerKey holder;
    uint32_t reduce_task = 0;
    WorkerKey reducer;  // where the reduce runs
    // Workers on which reduces of the job run now, at least this one.
    uint32_t reducing_workers = 1;
  };
  enum class Verdict {
    kWait,           // remembered
    kOutputLost,     // the output is to be made again
    kHolderCutOff,   // so is everything that the holder has
    kReducerCutOff,  // the outputs are well; the reduces have to run elsewhere
  };
  Verdict Add(const Report& report);

 private:
  static constexpr uint32_t kReportsOfOne = 3;
  static constexpr size_t kOutputsOfHolder = 2;
  static constexpr size_t kHoldersOfReducer = 3;

  struct Output {
    uint32_t attempt = 0;
    std::map<uint32_t, uint32_t> reports;  // by reduce task
    std::set<WorkerKey> reducers;
  };
  bool IsReducerCutOff(const Report& report) const;
  bool IsBelieved(const Output& output, const Report& report) const;
  void ForgetReducer(WorkerKey reducer);

  std::map<uint32_t, Output> outputs_;  // by map task
  // Who complained about whom.
  std::map<WorkerKey, std::set<WorkerKey>> by_holder_;
  std::map<WorkerKey, std::set<WorkerKey>> by_reducer_;
  std::map<WorkerKey, std::set<uint32_t>> given_up_;  // maps, by holder
};

}  // namespace quern::mr
