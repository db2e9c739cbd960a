// What the parameters of a stage may say beyond plain text:
//
//   ${round}                 the number of the round, from 1
//   ${counter:NAME}          a counter of the stage's own last round; 0 in the first one
//   ${counter:NAME|7}        ... 7 in the first one
//   ${counter:STAGE.NAME}    a counter of another stage, which then has to end first
//
// NAME is the user's counter of that name, else the engine's. One that no task has made is an
// error; the engine makes some of its own only when there is something to count, and those are 0.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/strings.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

struct ParamReference {
  bool is_round = false;
  std::string stage;    // whose counter it is; empty: the stage's own
  std::string counter;  // its name
  std::string first;    // what stands for it in the first round
};

// `stages` are the names of all stages: they tell ${counter:STAGE.NAME} from a name with a dot.
// InvalidArgument for anything else in ${}.
absl::StatusOr<std::vector<ParamReference>> FindReferences(std::string_view text,
                                                           const StringSet& stages);
// The text with what `value` says for each reference.
absl::StatusOr<std::string> ExpandParam(
    std::string_view text, const StringSet& stages,
    const std::function<std::string(const ParamReference&)>& value);

using CounterList = google::protobuf::RepeatedPtrField<pb::Counter>;

// 0 when nobody counted it.
int64_t CounterValue(const CounterList& counters, std::string_view name);

// What stands in the errors of FindCounter: the pipeline is to be corrected.
inline constexpr std::string_view kNobodyMadeIt = "has made it; ";

// NotFound, with the name that was probably meant, for one that no task of `stage` has made: a name
// that is misspelled would be 0 for ever. Where no map task has run nobody can tell, and it is 0.
absl::StatusOr<int64_t> FindCounter(const CounterList& counters, std::string_view name,
                                    std::string_view stage);

}  // namespace quern::mr
