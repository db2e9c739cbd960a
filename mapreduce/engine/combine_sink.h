// Combines the records of a map task before they are sorted.
//
// Records are grouped in a hash table. When it is full, and at the end, the user's combiner runs
// once for each key that has more than one value, and what it emits goes on to the sort sink. A
// table that filled up without making much fewer records of them is not used again: grouping must
// pay. That is asked first when an eighth of its memory is full: only a table that pays takes the
// rest.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mapreduce/engine/combine_table.h"
#include "mapreduce/engine/combiner.h"
#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/record_position.h"
#include "mapreduce/engine/sort_sink.h"

namespace quern::mr {

// Used by one thread. Errors are thrown as EngineError.
class CombineSink final : public EmitBuffer {
 public:
  // Borrows all but the number. `position` is told when the combiner runs, `steps`, if any, counts
  // the keys that it has done.
  CombineSink(size_t table_bytes, Combiner* combiner, SortSink* next,
              RecordPositionWriter* position, WorkSteps* steps = nullptr);
  // With a fold: what goes on are states, whatever becomes of the table.
  CombineSink(size_t table_bytes, Fold* fold, SortSink* next, RecordPositionWriter* position,
              WorkSteps* steps = nullptr);

  // Hands everything on.
  void Finish();

  // False after the table has been given up.
  bool combining() const { return combining_; }
  uint64_t input_records() const { return input_records_; }

 private:
  void AppendSlow(std::string_view key, std::string_view value) override;
  void TakeWindow();
  void Take(const char* begin, const char* end);
  void Add(const CombineTable::Probe& probe, std::string_view key, std::string_view value);
  void Flush();
  void CombineGroups();
  void FoldGroups();
  // A record that is in no table.
  void PassOn(std::string_view key, std::string_view value);
  CombineSink(size_t table_bytes, Combiner* combiner, Fold* fold, SortSink* next,
              RecordPositionWriter* position, WorkSteps* steps);

  CombineTable table_;
  Combiner* const combiner_;  // or
  Fold* const fold_;
  SortSink* const next_;
  RecordPositionWriter* const position_;
  WorkSteps* const steps_;
  std::unique_ptr<char[]> window_;
  bool combining_ = true;
  uint64_t input_records_ = 0;
  std::vector<uint64_t> state_;  // of one record
};

}  // namespace quern::mr
