// Replicas whose bytes come whole.
#include <deque>
#include <map>
#include <utility>

#include "chunkserver/store/replica.h"

namespace quern::chunkserver {

absl::Status Replica::AppendWhole(std::span<const Whole> wholes) {
  // Nobody else waits for a turn while he has one, so that all of them can be had at a time.
  std::deque<Turns::Turn> turns;
  for (const auto& [replica, piece] : wholes) turns.emplace_back(&replica->turns_);
  struct Rows {
    std::vector<Replica*> replicas;
    std::vector<ReplicaIndex::Whole> rows;
  };
  std::map<Disk*, Rows> indexed;
  for (const auto& [replica, piece] : wholes) {
    RETURN_IF_ERROR(replica->CheckWhole(piece));
    if (!replica->FitsIntoIndex(piece)) continue;
    ASSIGN_OR_RETURN(ReplicaIndex::Whole row, replica->PrepareWhole(piece));
    Rows& of_disk = indexed[replica->environment_.disk];
    of_disk.replicas.push_back(replica.get());
    of_disk.rows.push_back(std::move(row));
  }
  for (const auto& [replica, piece] : wholes) {
    if (replica->FitsIntoIndex(piece)) continue;
    RETURN_IF_ERROR(replica->AppendInTurn(piece).status());
    RETURN_IF_ERROR(replica->Latch());
  }
  for (const auto& [disk, rows] : indexed) {
    RETURN_IF_ERROR(StoreWhole(disk, rows.replicas, rows.rows));
  }
  return absl::OkStatus();
}

absl::Status Replica::CheckWhole(const Piece& piece) const {
  RETURN_IF_ERROR(disk().health());
  if (piece.offset != 0) return AbortedError("chunk {}: has bytes already", chunk_);
  return absl::OkStatus();
}

bool Replica::FitsIntoIndex(const Piece& piece) const {
  return !has_file_ && piece.sums->bytes <= kIndexedBytes;
}

absl::StatusOr<ReplicaIndex::Whole> Replica::PrepareWhole(const Piece& piece) const {
  ReplicaIndex::Whole whole;
  {
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(machine_.CheckAppend(piece.offset, piece.sums->bytes));
    whole.append = machine_.sums().Next(*piece.sums);
    whole.record = machine_.record();
  }
  AppendRecord& append = whole.append;
  append.producer = piece.producer;
  append.seq = piece.seq;
  append.committed = piece.committed;
  append.synced = true;
  whole.record.state = ReplicaState::kFenced;
  whole.record.length = whole.record.synced = append.end;
  whole.record.crc = append.running_crc;
  whole.record.in_index = true;
  whole.payload.reserve(append.end);
  for (const iovec& part : piece.payload) {
    whole.payload.append(static_cast<const char*>(part.iov_base), part.iov_len);
  }
  return whole;
}

absl::Status Replica::StoreWhole(Disk* disk, std::span<Replica* const> replicas,
                                 std::span<const ReplicaIndex::Whole> rows) {
  const absl::Status stored = disk->Check(disk->index().PutWhole(rows, WriteMode::kSynced));
  if (!stored.ok()) {
    // As after any append that failed.
    for (Replica* replica : replicas) replica->Latch().IgnoreError();
    return Annotate(stored, fmt::format("append to chunk {}", replicas.front()->chunk_));
  }
  for (size_t i = 0; i < replicas.size(); ++i) {
    {
      MutexLock lock(&replicas[i]->mutex_);
      replicas[i]->machine_.Appended(rows[i].append);
    }
    replicas[i]->Become(rows[i].record);
  }
  return absl::OkStatus();
}

}  // namespace quern::chunkserver
