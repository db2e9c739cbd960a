// In which order jobs get the next free slot: the user with the fewest running attempts first, and
// among the jobs of one user the oldest first. So one user's jobs run in the order in which they
// were submitted, and nobody waits for another user's long job to end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

class FairShare {
 public:
  void AddJob(JobKey job, const std::string& user);
  void RemoveJob(JobKey job);
  // An attempt of the job has taken, or given back, a slot.
  void Started(JobKey job);
  void Stopped(JobKey job);

  std::vector<JobKey> Order() const;

 private:
  struct User {
    std::map<JobKey, uint32_t> running;  // by job
    uint32_t total = 0;
  };
  std::map<std::string, User> users_;
  std::map<JobKey, std::string> owner_;
};

}  // namespace quern::mr
