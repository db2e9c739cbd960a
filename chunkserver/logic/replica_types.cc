#include "chunkserver/logic/replica_types.h"

namespace quern::chunkserver {

std::string_view StateName(ReplicaState state) {
  switch (state) {
    case ReplicaState::kOpen:
      return "OPEN";
    case ReplicaState::kFenced:
      return "FENCED";
    case ReplicaState::kFinalized:
      return "FINALIZED";
    case ReplicaState::kStale:
      return "STALE";
    case ReplicaState::kCorrupt:
      return "CORRUPT";
    case ReplicaState::kQuarantined:
      return "QUARANTINED";
    case ReplicaState::kRemoved:
      return "REMOVED";
  }
  return "UNKNOWN";
}

}  // namespace quern::chunkserver
