// What a decision about a request gives: the answer, and the record that must be durable before the
// answer may be sent. No record: nothing changes.
#pragma once

#include <optional>

#include "quern/dfs/v1/master_log.pb.h"

namespace quern::master {

namespace pb = quern::dfs::v1;

template <typename Response>
struct Outcome {
  Response response;
  std::optional<pb::LogRecord> record;
};

}  // namespace quern::master
