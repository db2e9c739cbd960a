#include "mapreduce/engine/group_reader.h"

namespace quern::mr {

GroupReader::GroupReader(Merger* merger, const std::string& scratch_dir)
    : merger_(merger), key_(scratch_dir, kLargeRecordBytes) {}

bool GroupReader::Advance() {
  if (merger_->Next()) {
    ++records_;
    bytes_ += merger_->key().size() + merger_->value().size();
    return true;
  }
  status_ = merger_->status();
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
  SetRun(merger_->value(), 1);
  return true;
}

absl::Status GroupReader::KeepKey() {
  key_.Clear();
  RETURN_IF_ERROR(key_.Append(merger_->key()));
  ASSIGN_OR_RETURN(key_view_, key_.View());
  prefix_ = KeyPrefix(key_view_);
  StartGroup(key_view_);
  return absl::OkStatus();
}

bool GroupReader::NextRun() {
  if (!Advance()) return false;
  const std::string_view key = merger_->key();
  if (KeyPrefix(key) != prefix_ || key != key_view_) {
    at_next_group_ = true;
    return false;
  }
  SetRun(merger_->value(), 1);
  return true;
}

}  // namespace quern::mr
