// Replicas whose bytes come whole.
#include <deque>
#include <map>
#include <utility>

#include "chunkserver/store/replica.h"

namespace quern::chunkserver {

// One disk after the other: a turn is an operation of its disk, and a disk that is waited for must
// not make another one look as if it hung.
absl::Status Replica::AppendWhole(std::span<const Whole> wholes) {
  std::map<Disk*, std::vector<const Whole*>> by_disk;
  for (const Whole& whole : wholes) by_disk[whole.replica->environment_.disk].push_back(&whole);
  for (const auto& [disk, of_disk] : by_disk) RETURN_IF_ERROR(AppendWholeTo(disk, of_disk));
  return absl::OkStatus();
}

absl::Status Replica::AppendWholeTo(Disk* disk, std::span<const Whole* const> wholes) {
  std::vector<const Whole*> indexed;
  for (const Whole* whole : wholes) {
    Replica* const replica = whole->replica.get();
    const Turns::Turn turn(&replica->turns_);
    RETURN_IF_ERROR(replica->CheckWhole(whole->piece));
    if (replica->FitsIntoIndex(whole->piece)) {
      indexed.push_back(whole);
      continue;
    }
    RETURN_IF_ERROR(replica->AppendInTurn(whole->piece).status());
    RETURN_IF_ERROR(replica->Latch());
  }
  if (indexed.empty()) return absl::OkStatus();
  // Nobody else waits for a turn while he has one, so that all of them can be had at a time.
  std::deque<Turns::Turn> turns;
  std::vector<Replica*> replicas;
  std::vector<ReplicaIndex::Whole> rows;
  for (const Whole* whole : indexed) {
    turns.emplace_back(&whole->replica->turns_);
    replicas.push_back(whole->replica.get());
    ASSIGN_OR_RETURN(rows.emplace_back(), whole->replica->PrepareWhole(whole->piece));
  }
  return StoreWhole(disk, replicas, rows);
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
  for (size_t i = 0; i < replicas.size(); ++i) replicas[i]->Become(rows[i].record, &rows[i].append);
  return absl::OkStatus();
}

}  // namespace quern::chunkserver
