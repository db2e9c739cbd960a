// What a job cannot begin without, where its spec says so:
//   needs = ["encoder.json unless model", "words.txt if filtered", "params.lang if stem"]
// Side files by their names, and parameters. Conditions are parameters: `unless NAME` is one that
// is set to anything, `if NAME` one that is set to true; all of them hold together. A job looks for
// itself, in each of its tasks; this tells what is missing before it is submitted.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::mr {

struct JobNeed {
  struct Condition {
    std::string param;
    bool is_on = false;  // must be true; otherwise it must not be set
  };
  std::string what;  // name of a side file, or "params.NAME"
  std::vector<Condition> conditions;
};

// InvalidArgument when it is none.
absl::StatusOr<JobNeed> ParseNeed(std::string_view text);

// InvalidArgument with all side files that are missing, or the first parameter. What a pipeline
// fills in while it runs (`${...}`) is not known yet: nothing is asked for that depends on it.
absl::Status CheckNeeds(const std::vector<JobNeed>& needs,
                        const std::map<std::string, std::string>& params,
                        const std::vector<std::string>& files);

}  // namespace quern::mr
