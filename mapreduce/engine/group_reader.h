// Shows a merged sequence to a reducer, one key at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "mapreduce/engine/group_source.h"
#include "mapreduce/engine/merger.h"
#include "mapreduce/engine/scratch_buffer.h"

namespace quern::mr {

class GroupReader final : public GroupSource {
 public:
  // Large keys are kept in `scratch_dir` while their values go by. With `group_parts`, records
  // whose ordered keys share so many parts, or all when there are fewer, are one group; 0: those of
  // equal keys.
  GroupReader(Merger* merger, const std::string& scratch_dir, uint32_t group_parts = 0);

  // Called once, when a record cannot be read. The values of the present key seem to end there, and
  // what a user's code makes of that says nothing about the code.
  void OnFailure(std::function<void()> failed) { on_failure_ = std::move(failed); }

  // Moves to the next key, past the values of this one that nobody took; false at the end and on an
  // error. The first value is there then.
  bool NextGroup();
  uint64_t groups() const { return groups_; }
  uint64_t records() const { return records_; }
  // Of the present group, as far as it has been read.
  uint64_t values() const { return values_; }
  // Of keys and values so far.
  uint64_t bytes() const { return bytes_; }
  const absl::Status& status() const { return status_; }

 private:
  bool NextRun() override;
  bool Advance();
  absl::Status KeepKey();
  bool IsInGroup(std::string_view key) const;

  Merger* const merger_;
  const uint32_t group_parts_;
  ScratchBuffer key_;
  std::string_view key_view_;
  uint64_t prefix_ = 0;
  bool has_fewer_parts_ = false;  // the present group's key, than make a group
  bool at_next_group_ = false;    // the merger stands on a record of the next key
  bool started_ = false;
  uint64_t groups_ = 0;
  uint64_t records_ = 0;
  uint64_t values_ = 0;
  uint64_t bytes_ = 0;
  absl::Status status_;
  std::function<void()> on_failure_;
};

}  // namespace quern::mr
