// A registration in pieces that fit into messages.
#pragma once

#include <cstddef>
#include <vector>

#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// The first piece is `who` with as much of the lists as fits; the others carry lists only. Each is
// at most max_bytes long unless a single entry is longer. There is always one, and all but the last
// say `more`.
std::vector<pb::WorkerMessage::Register> SplitRegistration(pb::WorkerMessage::Register whole,
                                                           size_t max_bytes);

}  // namespace quern::mr
