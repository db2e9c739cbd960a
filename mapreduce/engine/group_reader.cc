#include "mapreduce/engine/group_reader.h"

#include "mapreduce/engine/group_partitioner.h"

namespace quern::mr {

GroupReader::GroupReader(Merger* merger, const std::string& scratch_dir, uint32_t group_parts)
    : merger_(merger), group_parts_(group_parts), key_(scratch_dir, kLargeRecordBytes) {}

bool GroupReader::Advance() {
  if (merger_->Next()) {
    ++records_;
    bytes_ += merger_->key().size() + merger_->value().size();
    return true;
  }
  if (merger_->status().ok() || !status_.ok()) return false;
  status_ = merger_->status();
  if (on_failure_ != nullptr) on_failure_();
  return false;
}

bool GroupReader::NextGroup() {
  if (!started_) {
    started_ = true;
    at_next_group_ = Advance();
  }
  while (has_value() && NextRun()) continue;
  EndValues();
  if (!at_next_group_) return false;
  status_ = KeepKey();
  if (!status_.ok()) return false;
  at_next_group_ = false;
  ++groups_;
  values_ = 1;
  SetRun(merger_->value(), 1);
  if (group_parts_ > 0) SetRecordKey(merger_->key());
  return true;
}

absl::Status GroupReader::KeepKey() {
  std::string_view key = merger_->key();
  if (group_parts_ > 0) {
    ASSIGN_OR_RETURN(key, GroupPartOf(key, group_parts_));
    has_fewer_parts_ = OrderedPrefix(key, group_parts_ - 1) == key.size();
  }
  key_.Clear();
  RETURN_IF_ERROR(key_.Append(key));
  ASSIGN_OR_RETURN(key_view_, key_.View());
  prefix_ = KeyPrefix(key_view_);
  StartGroup(key_view_);
  return absl::OkStatus();
}

// No part is the beginning of another one: keys that begin alike share the parts. A key of fewer
// parts is a group of its own, though keys of more begin with it.
bool GroupReader::IsInGroup(std::string_view key) const {
  if (group_parts_ > 0) {
    return key.starts_with(key_view_) && (!has_fewer_parts_ || key.size() == key_view_.size());
  }
  return KeyPrefix(key) == prefix_ && key == key_view_;
}

bool GroupReader::NextRun() {
  if (!Advance()) return false;
  const std::string_view key = merger_->key();
  if (!IsInGroup(key)) {
    at_next_group_ = true;
    return false;
  }
  ++values_;
  SetRun(merger_->value(), 1);
  if (group_parts_ > 0) SetRecordKey(key);
  return true;
}

}  // namespace quern::mr
