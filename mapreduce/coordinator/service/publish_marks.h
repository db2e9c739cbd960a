// Marks that say for good what has become of a publication.
//
// One is an empty directory in that of the job or pipeline. It moves by the change that makes the
// outputs appear, or puts them beside: without it no such change can be made, also by a request of
// an earlier try that is still on its way, and where it has gone says that the change was made.
// What lies at the outputs' paths says less: a coordinator that has lost its journal gives ids out
// again.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "mapreduce/coordinator/service/publisher.h"

namespace quern::mr {

class PublishMarks {
 public:
  enum class Fate {
    kUnmarked,  // no try has come to its change, unless by an earlier version, which left no marks
    kOpen,      // no change was made
    kAppeared,
    kBeside,  // they lie beside their paths, which were taken
  };

  // In that directory, by names that nothing else in it can have. `files` is borrowed.
  PublishMarks(std::string_view dir, PublishFiles* files);

  absl::StatusOr<Fate> Find() const;
  // As Find, and asks only once.
  absl::StatusOr<bool> HaveAppeared() const { return Has(appeared_); }
  // Before a change is asked for. May be repeated.
  absl::Status Begin() const;
  // To be part of the change that makes the outputs appear, or puts them beside.
  std::pair<std::string, std::string> Appears() const { return {pending_, appeared_}; }
  std::pair<std::string, std::string> GoBeside() const { return {pending_, beside_}; }
  // No change that has been asked for is made after this, until the next Begin. May be repeated.
  absl::StatusOr<Fate> Withdraw() const;

 private:
  absl::StatusOr<bool> Has(const std::string& mark) const;

  const std::string pending_;
  const std::string appeared_;
  const std::string beside_;
  const std::string withdrawn_;
  PublishFiles* const files_;
};

}  // namespace quern::mr
