// Where the time of a job's tasks went, in sum: what `mr why` shows.
#pragma once

#include <absl/time/time.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/json_line.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

class TimeReport {
 public:
  enum class Of { kJob, kPipeline };  // kPipeline: attempts are named with their jobs
  explicit TimeReport(Of of = Of::kJob) : of_(of) {}

  // Every attempt of the job, once each, in any order.
  void Add(const pb::TaskAttemptStatus& attempt, absl::Time now);

  // Attempts of which nothing is known any more.
  void AddUnknown(uint64_t attempts) { without_times_ += attempts; }

  // A table, and below it what took most, and the attempts that took longest.
  std::string Text() const;
  // "12.00 s, 5.00 s of it reading input"; "-" when no attempt has ended yet.
  std::string Brief() const;
  JsonLine Json() const;

 private:
  // The parts of AttemptTimes; starting: what an attempt took besides (processes, messages, files
  // of the machine); lost: attempts that ended otherwise than chosen.
  enum Part { kRead, kUser, kSort, kShuffle, kMerge, kWrite, kStart, kLost, kParts };
  using Spent = std::array<absl::Duration, kParts>;
  struct Slow {
    absl::Duration length;
    std::string attempt;
    std::string node;
    Part most;
    absl::Duration spent;
  };

  static constexpr size_t kSlowest = 3;
  static const std::array<std::string_view, kParts> kNames;   // for people
  static const std::array<std::string_view, kParts> kFields;  // for JSON

  void NoteSlow(const pb::TaskAttemptStatus& attempt, absl::Duration length, const Spent& spent);
  static Part MostOf(const Spent& spent);
  static absl::Duration Sum(const Spent& spent);
  static JsonLine SpentJson(const Spent& spent);

  Spent WholeSpent() const;

  const Of of_;
  Spent maps_;
  Spent reduces_;
  uint64_t without_times_ = 0;
  std::vector<Slow> slowest_;  // longest first
};

}  // namespace quern::mr
