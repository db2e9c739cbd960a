// Why an attempt failed, in words: from what its process left behind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/subprocess.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// A process that ended without saying that its task was done.
pb::AttemptFailure DescribeExit(const ExitStatus& exit);

// A file in the scratch directory of `mr debug`: the process has said itself how its task ended.
// User code may end it before, with any exit code.
inline constexpr std::string_view kHasSaid = "has_said";

// Adds the position of the record that was being processed, from the page `record` in `dir`, and
// the last lines of dir/log. Leaves alone what the task has filled in itself.
void AddEvidence(const std::string& dir, pb::AttemptFailure* failure);

// What ended a task whose code has closed what it needs (bits of ClosedDescriptor), and what to do.
std::string ClosedText(uint32_t closed);

// ", at /in/a.txt:4711", or ", at key 12" of a reducer; empty when it was in no record.
std::string AtRecord(const pb::AttemptFailure& failure);

// The message with AtRecord, and behind it what the message says to try.
std::string MessageAtRecord(const pb::AttemptFailure& failure);

// What to do about an attempt that took too much memory, at the end of its message. Nobody knows
// which record ended a command.
enum class MemoryAdvice { kRaiseLimit, kRaiseLimitOrSkip };
void AddMemoryAdvice(MemoryAdvice advice, pb::AttemptFailure* failure);

// The last lines of a file, at most `max_bytes`; empty when it cannot be read.
std::string Tail(const std::string& path, size_t max_bytes);

}  // namespace quern::mr
