// Failures of what runs over many records some time after they were mapped, such as a partitioner:
// the record that is mapped when it fails has no part in them.
#pragma once

#include "common/status.h"

namespace quern::mr {

inline constexpr char kNoRecordPayload[] = "quern/no_record";

inline absl::Status OfNoRecord(absl::Status status) {
  status.SetPayload(kNoRecordPayload, absl::Cord());
  return status;
}

inline bool IsOfNoRecord(const absl::Status& status) {
  return status.GetPayload(kNoRecordPayload).has_value();
}

}  // namespace quern::mr
