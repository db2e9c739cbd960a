// Takes deleted trees apart in bounded steps: a directory's entries become deleted trees of their
// own, a file's chunks become garbage, and what is empty goes. Pure; every step is one record.
//
// It remembers how far it has come: what was taken lies before the rest as tombstones until the
// store has compacted them, and a look from the beginning would walk over all of them again.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "master/logic/metadata_view.h"

namespace quern::master {

// Entries or chunks per step, so that no record is large and nobody waits long while it is made.
inline constexpr size_t kCollectStep = 200;

// Entries and chunks of a step.
size_t SizeOf(const pb::Collect& collect);

// Used by one thread.
class TreeCollector {
 public:
  // Looks for more trees when it has none left. False: there are none.
  bool Find(const MetadataView& view, size_t limit);
  // The next step for what was found; nothing when all of it is gone. Whoever gets a step applies
  // it before he asks for another one.
  std::optional<pb::LogRecord> Next(const MetadataView& view);
  // A step may not have been applied: begins again.
  void StartAnew() { *this = TreeCollector(); }

 private:
  std::optional<pb::LogRecord> StepOf(const MetadataView& view, InodeId tree);

  std::deque<InodeId> trees_;
  InodeId found_;      // the last one
  InodeId pass_end_;   // then it begins at the first one again
  std::string taken_;  // of the first of them: the last entry that was taken out
};

}  // namespace quern::master
