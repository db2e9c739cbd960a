// Final reports of attempts that the coordinator has not acknowledged yet.
//
// A report can be lost: the session breaks, the coordinator dies before it has written it down. So
// each is kept, goes into every registration, and is sent again from time to time until it is
// acknowledged or its job is forgotten. No locks; `now` is an argument.
#pragma once

#include <absl/time/time.h>

#include <map>
#include <string>
#include <vector>

#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class FinalReports {
 public:
  using Update = pb::WorkerMessage::AttemptUpdate;

  // It is being sent at this moment.
  void Add(Update update, absl::Time now);
  void Acknowledge(const pb::AttemptId& id);
  void ForgetJob(const std::string& job_id);

  // Those of attempts that failed or were killed, for a registration; successful ones are in it as
  // what the worker holds. All count as sent now.
  std::vector<Update> Unsuccessful(absl::Time now);
  // Those that were sent a while ago, a bounded number of them, oldest first.
  std::vector<Update> TakeDue(absl::Time now);

  size_t size() const { return reports_.size(); }

 private:
  static constexpr absl::Duration kPatience = absl::Seconds(5);
  static constexpr size_t kBytesAtOnce = size_t{1} << 20;

  struct Report {
    Update update;
    absl::Time sent;
  };
  // By "JOB m-00017.1".
  std::map<std::string, Report> reports_;
};

}  // namespace quern::mr
