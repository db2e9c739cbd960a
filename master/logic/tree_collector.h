// Takes deleted trees apart in bounded steps: a directory's entries become deleted trees of their
// own, a file's chunks become garbage, and what is empty goes. Pure; every step is one record.
#pragma once

#include <cstddef>
#include <optional>

#include "master/logic/metadata_view.h"

namespace quern::master {

// Entries or chunks per step, so that no record is large and nobody waits long while it is made.
inline constexpr size_t kCollectStep = 200;

// Entries and chunks of a step.
size_t SizeOf(const pb::Collect& collect);

// The next step for a deleted file or directory; nothing when it is gone already.
std::optional<pb::LogRecord> NextCollectStep(const MetadataView& view, InodeId inode);

}  // namespace quern::master
