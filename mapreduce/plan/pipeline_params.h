// What the parameters of a stage may say beyond plain text:
//
//   ${round}                 the number of the round, from 1
//   ${counter:NAME}          a counter of the stage's own last round; 0 in the first one
//   ${counter:NAME|7}        ... 7 in the first one
//   ${counter:STAGE.NAME}    a counter of another stage, which then has to end first
//
// A counter that nobody counted is 0. NAME is the user's counter of that name, else the engine's.
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

// 0 when nobody counted it.
int64_t CounterValue(const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                     std::string_view name);

}  // namespace quern::mr
