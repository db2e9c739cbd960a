// Decides when reports of reducers that cannot fetch a map output are believed.
//
// One reducer alone may have the fault itself (its machine's network, say), so a single report is
// only remembered; the map runs again when a second reducer agrees, when the same one has tried in
// vain three times (a block that only it reads may be damaged), or when nobody else could agree.
// One object per job; memory only for outputs that were complained about.
#pragma once

#include <cstdint>
#include <map>

namespace quern::mr {

class FetchFailures {
 public:
  // A report about attempt `map_attempt` of `map_task`, which is the chosen one. `running_reduces`
  // counts the reduce attempts that run now. True: the output is to be given up.
  bool Report(uint32_t map_task, uint32_t map_attempt, uint32_t reduce_task,
              uint32_t running_reduces);

 private:
  static constexpr uint32_t kReportsOfOne = 3;
  struct Reports {
    uint32_t map_attempt = 0;
    std::map<uint32_t, uint32_t> by_reduce;
  };
  std::map<uint32_t, Reports> by_map_;
};

}  // namespace quern::mr
