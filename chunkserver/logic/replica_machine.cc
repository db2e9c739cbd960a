#include "chunkserver/logic/replica_machine.h"

#include <algorithm>

namespace quern::chunkserver {
namespace {

using enum ReplicaState;

bool MayBecome(ReplicaState from, ReplicaState to) {
  if (from == to) return true;
  switch (from) {
    case kOpen:
      return to == kFenced || to == kCorrupt || to == kRemoved;
    case kFenced:
    case kFinalized:
      return to != kOpen && to != kFenced;
    case kStale:
    case kQuarantined:
      // A right master may take back what a wrong one decided, as far as the bytes bear it out.
      return to != kOpen && to != kFenced;
    case kCorrupt:
      return to == kQuarantined || to == kRemoved;
    case kRemoved:
      return false;
  }
  return false;
}

}  // namespace

ReplicaMachine::ReplicaMachine(ReplicaSpec spec) { record_.spec = std::move(spec); }

ReplicaMachine ReplicaMachine::Restore(const ReplicaRecord& record,
                                       std::span<const AppendRecord> appends,
                                       const Restart& restart) {
  ReplicaMachine machine(record.spec);
  machine.record_ = record;
  if (record.sealed) {
    machine.sums_.SetTotals(record.length, record.crc);
    machine.committed_ = record.length;
    return machine;
  }
  for (const AppendRecord& append : appends) machine.Appended(append);
  const bool lost_durable = machine.length() < record.synced ||
                            (record.state != kOpen && machine.length() < record.length);
  if (record.state == kOpen) {
    machine.record_.state = kFenced;
    // Without a boot id nobody knows that the machine was up all the time.
    const bool same_boot = !restart.boot_id.empty() && record.spec.boot_id == restart.boot_id;
    const bool forgetful = record.spec.durability == Durability::kOnClose && !same_boot;
    machine.record_.suspect = forgetful || restart.lost_bytes;
  }
  if (lost_durable && machine.state() == kFenced) machine.record_.state = kCorrupt;
  return machine;
}

uint64_t ReplicaMachine::LastSeq(uint64_t producer) const {
  const auto found = std::ranges::find(producers_, producer, &ProducerSeq::producer);
  return found == producers_.end() ? 0 : found->last_seq;
}

ReplicaReport ReplicaMachine::Report() const {
  return {.chunk = spec().chunk, .state = state(), .length = length(), .crc = crc()};
}

absl::Status ReplicaMachine::CheckAppend(uint64_t offset, uint64_t bytes) const {
  const ChunkId chunk = spec().chunk;
  if (state() != kOpen) {
    return FailedPreconditionError("chunk {}: is {} here, takes no more bytes", chunk,
                                   StateName(state()));
  }
  if (offset != length()) {
    return AbortedError("chunk {}: append at {}, but its length is {}", chunk, offset, length());
  }
  const uint64_t capacity = spec().capacity_bytes;
  if (bytes > capacity || offset > capacity - bytes) {
    return OutOfRangeError("chunk {}: {} more bytes at {} exceed its {}", chunk, bytes, offset,
                           capacity);
  }
  return absl::OkStatus();
}

void ReplicaMachine::Appended(const AppendRecord& append) {
  sums_.Apply(append);
  if (append.synced) record_.synced = append.end;
  LearnCommitted(append.committed);
  const auto found = std::ranges::find(producers_, append.producer, &ProducerSeq::producer);
  if (found == producers_.end()) {
    producers_.push_back({append.producer, append.seq});
  } else {
    found->last_seq = append.seq;
  }
}

void ReplicaMachine::LearnCommitted(uint64_t offset) {
  committed_ = std::max(committed_, std::min(offset, length()));
}

void ReplicaMachine::Synced(uint64_t length) { record_.synced = std::max(record_.synced, length); }

absl::StatusOr<uint64_t> ReplicaMachine::Readable(const std::optional<SealedAs>& sealed) const {
  switch (state()) {
    case kFinalized:
      if (sealed.has_value() && sealed != SealedAs{length(), crc()}) break;
      return length();
    case kOpen:
      return committed_;
    case kFenced:
      return sealed == SealedAs{length(), crc()} ? length() : committed_;
    case kCorrupt:
      return DataLossError("chunk {}: its bytes here do not match their checksums", spec().chunk);
    case kStale:
      break;
    case kQuarantined:
    case kRemoved:
      return NotFoundError("chunk {}: not here", spec().chunk);
  }
  return FailedPreconditionError("chunk {}: differs here from what was sealed", spec().chunk);
}

ReplicaMachine::Verdict ReplicaMachine::Judge(uint64_t length, uint32_t crc,
                                              std::optional<uint32_t> crc_at_length) const {
  // The quarantine heals nothing: only reading it again does.
  if (state() == kCorrupt || record_.condemned) return Verdict::kCorrupt;
  // What is sealed has its final length: it fits whole or not at all.
  const bool fits = crc_at_length == crc && (!sealed() || length == this->length());
  if (!fits) return Verdict::kStale;
  return state() == kFinalized ? Verdict::kAlreadyFinal : Verdict::kFinalize;
}

absl::StatusOr<ReplicaRecord> ReplicaMachine::RecordAs(ReplicaState next, int64_t now_ms) const {
  if (!MayBecome(state(), next)) {
    return FailedPreconditionError("chunk {}: a replica that is {} cannot become {}", spec().chunk,
                                   StateName(state()), StateName(next));
  }
  ReplicaRecord next_record = record();
  if (next != state()) next_record.since_ms = now_ms;
  if (state() == kCorrupt && next == kQuarantined) next_record.condemned = true;
  next_record.state = next;
  return next_record;
}

absl::StatusOr<ReplicaRecord> ReplicaMachine::RecordSealed(uint64_t length, uint32_t crc) const {
  ASSIGN_OR_RETURN(ReplicaRecord sealed, RecordAs(kFinalized, record_.since_ms));
  sealed.length = length;
  sealed.crc = crc;
  sealed.synced = length;
  sealed.sealed = true;
  sealed.suspect = false;
  sealed.spec.chain.clear();
  sealed.spec.boot_id.clear();
  return sealed;
}

absl::StatusOr<ReplicaRecord> ReplicaMachine::RecordAcquitted(int64_t now_ms) const {
  ReplicaRecord acquitted = record();
  if (acquitted.state != kCorrupt || acquitted.synced > acquitted.length) {
    return FailedPreconditionError("chunk {}: is {} here, {} bytes of {} made durable are left",
                                   spec().chunk, StateName(acquitted.state), acquitted.length,
                                   acquitted.synced);
  }
  acquitted.state = acquitted.sealed ? kFinalized : kFenced;
  acquitted.condemned = false;
  acquitted.since_ms = now_ms;
  return acquitted;
}

void ReplicaMachine::Become(const ReplicaRecord& next) {
  if (next.sealed && !record_.sealed) {
    sums_.SetTotals(next.length, next.crc);
    sums_.DropBlocks();
    producers_ = {};
    committed_ = next.length;
  }
  record_ = next;
}

ReplicaRecord ReplicaMachine::record() const {
  ReplicaRecord record = record_;
  record.length = length();
  record.crc = crc();
  return record;
}

absl::StatusOr<size_t> SurvivingAppends(
    std::span<const AppendRecord> appends, uint64_t synced, uint64_t file_bytes,
    const std::function<absl::StatusOr<uint32_t>(uint64_t, uint64_t)>& data_crc) {
  uint64_t end = 0;
  for (size_t i = 0; i < appends.size(); ++i) {
    const AppendRecord& append = appends[i];
    if (append.start != end || append.end < append.start || append.end > file_bytes) return i;
    if (append.end > synced && !append.synced) {
      ASSIGN_OR_RETURN(const uint32_t crc, data_crc(append.start, append.end));
      if (crc != append.payload_crc) return i;
    }
    end = append.end;
  }
  return appends.size();
}

}  // namespace quern::chunkserver
