// How replicas end: fence, seal, verdicts, removal.
#include <algorithm>
#include <atomic>

#include "chunkserver/store/replica.h"
#include "chunkserver/store/visit_bytes.h"
#include "common/log.h"

namespace quern::chunkserver {
namespace {

// Words of masters, in their order.
uint64_t NextWord() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

int64_t NowMs(Clock* clock) { return absl::ToUnixMillis(clock->TimeNow()); }

}  // namespace

absl::StatusOr<Replica::FenceAnswer> Replica::Fence(uint64_t producer) {
  Facts now;
  {
    Turns::Turn turn(&turns_);
    RETURN_IF_ERROR(disk().health());
    RETURN_IF_ERROR(Latch());
    now = facts();
  }
  FenceAnswer answer{.report = now.report, .committed = now.committed, .suspect = now.suspect};
  // Not in the turn, which a replica is condemned in.
  ASSIGN_OR_RETURN(const std::vector<ProducerSeq> producers, ProducersOf(now));
  if (producer != 0 && now.sealed && producers.empty() && now.report.length > 0) {
    return FailedPreconditionError("chunk {}: this replica was found without its rows", chunk_);
  }
  const auto found = std::ranges::find(producers, producer, &ProducerSeq::producer);
  if (found != producers.end()) answer.last_seq = found->last_seq;
  return answer;
}

absl::Status Replica::Latch() {
  ReplicaRecord fenced = record();
  // Whoever held on to it while it was removed must not bring it back.
  if (fenced.state == ReplicaState::kRemoved) {
    return AbortedError("chunk {}: its replica here was removed meanwhile", chunk_);
  }
  // What was sealed or judged has its latch in its row.
  const bool stored = latch_stored_ || fenced.state != ReplicaState::kFenced;
  if (fenced.state != ReplicaState::kOpen && stored) return absl::OkStatus();
  fenced.state = ReplicaState::kFenced;
  latch_stored_ = false;
  {
    MutexLock lock(&mutex_);
    machine_.Become(fenced);
  }
  const absl::Status status = StoreLatch(fenced);
  // It holds in memory, and a restart latches anyway: the chunk can only be sealed.
  if (!status.ok()) Report();
  return status;
}

absl::Status Replica::StoreLatch(ReplicaRecord fenced) {
  RETURN_IF_ERROR(SyncData());
  fenced.synced = fenced.length;
  RETURN_IF_ERROR(Store(fenced, WriteMode::kSynced));
  latch_stored_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<uint32_t>> Replica::CrcAt(uint64_t length) {
  Turns::Turn turn(&turns_);
  RETURN_IF_ERROR(disk().health());
  ASSIGN_OR_RETURN(const std::optional<Prefix> prefix, PrefixAt(length));
  if (!prefix.has_value() || prefix->sums.length() != length) return std::nullopt;
  return prefix->sums.crc();
}

absl::StatusOr<ReplicaReport> Replica::Finalize(uint64_t length, uint32_t crc) {
  Turns::Turn turn(&turns_);
  RETURN_IF_ERROR(disk().health());
  RETURN_IF_ERROR(Latch());
  ASSIGN_OR_RETURN(const std::optional<Prefix> prefix, PrefixAt(length));
  std::optional<uint32_t> crc_at_length;
  if (prefix) crc_at_length = prefix->sums.crc();
  ReplicaMachine::Verdict verdict{};
  absl::StatusOr<ReplicaRecord> stale;
  absl::StatusOr<ReplicaRecord> corrupt;
  {
    MutexLock lock(&mutex_);
    verdict = machine_.Judge(length, crc, crc_at_length);
    stale = machine_.RecordAs(ReplicaState::kStale, NowMs(environment_.clock));
    corrupt = machine_.RecordAs(ReplicaState::kCorrupt, NowMs(environment_.clock));
  }
  switch (verdict) {
    case ReplicaMachine::Verdict::kFinalize:
      RETURN_IF_ERROR(Seal(*prefix));
      break;
    case ReplicaMachine::Verdict::kStale:
      RETURN_IF_ERROR(stale.status());
      RETURN_IF_ERROR(Store(*stale, WriteMode::kUnsynced));
      Refused({.length = length, .crc = crc});
      TryGiveBack(stale->length);
      break;
    case ReplicaMachine::Verdict::kCorrupt:
      // Back from the quarantine as what it was: Verify may acquit it.
      RETURN_IF_ERROR(corrupt.status());
      RETURN_IF_ERROR(Store(*corrupt, WriteMode::kSynced));
      break;
    case ReplicaMachine::Verdict::kAlreadyFinal:
      RETURN_IF_ERROR(GiveBack(length));
      break;
  }
  return facts().report;
}

void Replica::Refused(const SealedAs& wanted) {
  MutexLock lock(&mutex_);
  refused_ = Refusal{.wanted = wanted, .when = NextWord()};
}

void Replica::Judged() {
  MutexLock lock(&mutex_);
  judged_ = NextWord();
}

absl::StatusOr<std::optional<Replica::Prefix>> Replica::PrefixAt(uint64_t length) {
  ChunkSums all;
  bool sealed = false;
  std::vector<ProducerSeq> producers;
  {
    MutexLock lock(&mutex_);
    all = machine_.sums();
    sealed = machine_.sealed();
    producers = machine_.producers();
  }
  if (length > all.length()) return std::nullopt;
  if (sealed || length == all.length()) return Prefix{std::move(all), std::move(producers)};
  // Seals end where an append ended, so the loop below rarely has anything to do.
  Prefix prefix;
  ASSIGN_OR_RETURN(const std::vector<AppendRecord> appends,
                   environment_.disk->index().LoadAppends(chunk_));
  ReplicaMachine machine(spec());
  for (const AppendRecord& append : appends) {
    if (append.end <= length) machine.Appended(append);
  }
  prefix.sums = machine.sums();
  prefix.producers = machine.producers();
  if (prefix.sums.length() == length) return prefix;
  const absl::StatusOr<std::unique_ptr<File>> file = OpenForReading();
  // Not NotFound, which would say that there is no such replica.
  if (absl::IsNotFound(file.status())) return DataLossError("{}", Message(file.status()));
  RETURN_IF_ERROR(file.status());
  RETURN_IF_ERROR(
      VisitBytes(file->get(), prefix.sums.length(), length, [&](std::string_view bytes) {
        const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
        prefix.sums.Apply(prefix.sums.Next(SumPayload(prefix.sums.length(), {&part, 1})));
      }));
  return prefix;
}

absl::Status Replica::Seal(const Prefix& prefix) {
  Disk* disk = environment_.disk;
  const uint64_t length = prefix.sums.length();
  absl::StatusOr<ReplicaRecord> sealed;
  bool cut = false;
  bool was_sealed = false;
  {
    MutexLock lock(&mutex_);
    sealed = machine_.RecordSealed(length, prefix.sums.crc());
    cut = length < machine_.length();
    was_sealed = machine_.sealed();
  }
  RETURN_IF_ERROR(sealed.status());
  sealed->in_index = !has_file_;  // also when nothing was ever written
  if (was_sealed) return Store(*sealed, WriteMode::kUnsynced);
  // A row that a power cut forgets is made again by the master's next order. Not so when the file
  // is cut: FENCED with more bytes than there are would look like a loss.
  const WriteMode mode = cut ? WriteMode::kSynced : WriteMode::kUnsynced;
  const SealedSums sums{.blocks = prefix.sums.Blocks(), .producers = prefix.producers};
  RETURN_IF_ERROR(disk->Check(disk->index().PutSealed(*sealed, sums, mode)));
  // Before the file is cut: whoever reads it then finds bytes missing, and looks here whether they
  // should be there. And should the cut fail, the row has no append records any more.
  Become(*sealed);
  return GiveBack(length);
}

absl::Status Replica::GiveBack(uint64_t length) {
  if (has_file_ && used_bytes_ > length) {
    // Bytes that stay beyond the length do no harm.
    ASSIGN_OR_RETURN(File * file, DataFile());
    RETURN_IF_ERROR(environment_.disk->Check(file->Truncate(length)));
  }
  file_.reset();
  SetUsed(length);
  return absl::OkStatus();
}

void Replica::TryGiveBack(uint64_t length) {
  const absl::Status status = GiveBack(length);
  if (status.ok()) return;
  LogWarning("space_not_given_back",
             {{"chunk", chunk_}, {"disk", disk().path()}, {"status", status}});
}

absl::Status Replica::Quarantine() {
  Turns::Turn turn(&turns_);
  RETURN_IF_ERROR(disk().health());
  RETURN_IF_ERROR(Latch());
  absl::StatusOr<ReplicaRecord> next;
  {
    MutexLock lock(&mutex_);
    next = machine_.RecordAs(ReplicaState::kQuarantined, NowMs(environment_.clock));
  }
  RETURN_IF_ERROR(next.status());
  RETURN_IF_ERROR(Store(*next, WriteMode::kSynced));
  // It stays for days, and nobody will append to it.
  TryGiveBack(next->length);
  return absl::OkStatus();
}

absl::Status Replica::Condemn(std::string_view reason) {
  Turns::Turn turn(&turns_);
  const absl::Status answer =
      DataLossError("chunk {}: the replica on {} is damaged: {}", chunk_, disk().path(), reason);
  if (!disk().health().ok()) return answer;
  absl::StatusOr<ReplicaRecord> next;
  {
    MutexLock lock(&mutex_);
    ++condemnations_;
    if (machine_.state() == ReplicaState::kCorrupt) return answer;
    next = machine_.RecordAs(ReplicaState::kCorrupt, NowMs(environment_.clock));
  }
  if (!next.ok()) return answer;  // removed meanwhile
  LogError("replica_corrupt", {{"chunk", chunk_}, {"disk", disk().path()}, {"reason", reason}});
  // Unsynced: after a power cut the next read finds it again. A disk that takes no writes does not
  // make it good either.
  if (!Store(*next, WriteMode::kUnsynced).ok()) Become(*next);
  return answer;
}

absl::Status Replica::ReadFailed(const absl::Status& error) {
  if (absl::IsNotFound(error) && disk().IsThere()) {
    return Condemn(fmt::format("missing, or damaged in the index: {}", Message(error)));
  }
  LogWarning("replica_unreadable", {{"chunk", chunk_}, {"disk", disk().path()}, {"status", error}});
  if (absl::IsDataLoss(error) && facts().sealed) {
    return DataLossError("chunk {}: disk {} does not give its bytes: {}", chunk_, disk().path(),
                         Message(error));
  }
  return UnavailableError("chunk {}: the replica on {} cannot be read now: {}", chunk_,
                          disk().path(), Message(error));
}

uint64_t Replica::condemnations() const {
  MutexLock lock(&mutex_);
  return condemnations_;
}

absl::Status Replica::Acquit(uint64_t condemnations) {
  Turns::Turn turn(&turns_);
  RETURN_IF_ERROR(disk().health());
  absl::StatusOr<ReplicaRecord> next;
  {
    MutexLock lock(&mutex_);
    if (machine_.state() != ReplicaState::kCorrupt) return absl::OkStatus();
    if (condemnations_ != condemnations) {
      return FailedPreconditionError("chunk {}: was found damaged again", chunk_);
    }
    next = machine_.RecordAcquitted(NowMs(environment_.clock));
  }
  RETURN_IF_ERROR(next.status());
  LogInfo("replica_acquitted", {{"chunk", chunk_}, {"disk", disk().path()}});
  return Store(*next, WriteMode::kSynced);
}

absl::Status Replica::Remove() {
  Turns::Turn turn(&turns_);
  RETURN_IF_ERROR(disk().health());
  if (record().state == ReplicaState::kRemoved) return absl::OkStatus();
  Disk* disk = environment_.disk;
  ReplicaRecord gone = record();
  gone.state = ReplicaState::kRemoved;
  // Durable before anybody can know of it: a replica that a power cut brings back would count, and
  // another would be removed in its place.
  RETURN_IF_ERROR(disk->Check(disk->index().PutReplica(gone, WriteMode::kSynced)));
  LetGo();
  FinishRemoval(disk, chunk_);
  return absl::OkStatus();
}

void Replica::FinishRemoval(Disk* disk, ChunkId chunk) {
  absl::Status status = disk->Check(disk->RemoveData(chunk));
  // The row goes last and unsynced: while it is there, the next start does this again.
  if (status.ok()) status = disk->Check(disk->index().Remove(chunk, WriteMode::kUnsynced));
  if (status.ok()) return;
  LogWarning("removed_replica_left",
             {{"chunk", chunk}, {"disk", disk->path()}, {"status", status}});
}

absl::Status Replica::ReplaceWith(const std::function<absl::Status()>& publish) {
  Turns::Turn turn(&turns_);
  RETURN_IF_ERROR(publish());
  LetGo();
  return absl::OkStatus();
}

void Replica::LetGo() {
  ReplicaRecord gone = record();
  gone.state = ReplicaState::kRemoved;
  file_.reset();
  SetUsed(0);
  Become(gone);
}

}  // namespace quern::chunkserver
