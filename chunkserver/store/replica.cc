#include "chunkserver/store/replica.h"

#include <algorithm>

#include "chunkserver/store/payload_file.h"

namespace quern::chunkserver {
namespace {

// Data are pushed to the disk in steps of this size, so that the fdatasync of a seal is short.
constexpr uint64_t kWritebackBytes = uint64_t{8} << 20;

}  // namespace

Replica::Replica(const Environment& environment, ReplicaMachine machine)
    : environment_(environment),
      chunk_(machine.spec().chunk),
      turns_(environment.disk),
      machine_(std::move(machine)) {}

absl::StatusOr<std::shared_ptr<Replica>> Replica::Create(const Environment& environment,
                                                         ReplicaSpec spec) {
  const std::shared_ptr<Replica> replica(new Replica(environment, ReplicaMachine(std::move(spec))));
  replica->made_now_ = true;
  Disk* disk = environment.disk;
  const Disk::Use use(disk);
  const ReplicaRecord record = replica->record();
  if (record.spec.capacity_bytes <= kIndexedBytes) {
    replica->has_file_ = false;
    RETURN_IF_ERROR(disk->Check(disk->index().PutReplica(record, WriteMode::kUnsynced)));
    replica->SetUsed(record.spec.capacity_bytes);
    return replica;
  }
  // The row first: a crash then leaves a row without a file, which a restart understands, and not a
  // file that nobody knows of.
  RETURN_IF_ERROR(disk->Check(disk->index().PutReplica(record, WriteMode::kSynced)));
  auto file = disk->CreateData(replica->chunk_, record.spec.capacity_bytes);
  if (!file.ok()) {
    // Synced: another disk may be tried, and a restart must not find two.
    RETURN_IF_ERROR(disk->Check(disk->index().Remove(replica->chunk_, WriteMode::kSynced)));
    return disk->Check(file.status());
  }
  replica->file_ = *std::move(file);
  replica->SetUsed(record.spec.capacity_bytes);
  return replica;
}

Replica::~Replica() {
  MutexLock lock(&mutex_);
  if (reported_) environment_.inventory->Dropped(*reported_);
}

std::shared_ptr<Replica> Replica::Adopt(const Environment& environment,
                                        const ReplicaRecord& record) {
  std::shared_ptr<Replica> replica(
      new Replica(environment, ReplicaMachine::Restore(record, {}, {})));
  replica->has_file_ = !record.in_index;
  replica->SetUsed(record.length);
  return replica;
}

// --- Looking.

ReplicaRecord Replica::record() const {
  MutexLock lock(&mutex_);
  return machine_.record();
}

ReplicaSpec Replica::spec() const {
  MutexLock lock(&mutex_);
  return machine_.spec();
}

Replica::Facts Replica::facts() const {
  MutexLock lock(&mutex_);
  return {.report = machine_.Report(),
          .committed = machine_.committed(),
          .synced = machine_.synced(),
          .suspect = machine_.suspect(),
          .sealed = machine_.sealed(),
          .since_ms = machine_.since_ms(),
          .made_now = made_now_,
          .judged = judged_,
          .producers = machine_.producers()};
}

Rival Replica::AsRival() const {
  const bool disk_failed = disk().failed();
  const bool disk_answers = disk().Answers().ok();
  MutexLock lock(&mutex_);
  const ReplicaRecord now = machine_.record();
  return {.state = now.state,
          .holds = {.length = now.length, .crc = now.crc},
          .sealed = now.sealed,
          .damaged = now.condemned || now.state == ReplicaState::kCorrupt,
          .made_now = made_now_,
          .create_token = now.spec.create_token,
          .judged = judged_,
          .refused = refused_,
          .disk_failed = disk_failed,
          .disk_answers = disk_answers};
}

absl::StatusOr<uint64_t> Replica::Readable(const std::optional<SealedAs>& sealed) const {
  RETURN_IF_ERROR(disk().Usable());
  MutexLock lock(&mutex_);
  return machine_.Readable(sealed);
}

std::optional<Replica::Blocks> Replica::UnsealedBlocks(uint64_t offset, uint64_t bytes) const {
  MutexLock lock(&mutex_);
  if (machine_.sealed()) return std::nullopt;
  const ChunkSums& sums = machine_.sums();
  Blocks blocks{.length = sums.length(), .crcs = {}};
  const uint64_t end = std::min(offset + bytes, blocks.length);
  for (uint64_t i = offset / kBlockBytes; i * kBlockBytes < end; ++i) {
    blocks.crcs.push_back(sums.block(i));
  }
  return blocks;
}

absl::StatusOr<std::unique_ptr<File>> Replica::OpenForReading() const {
  Disk* disk = environment_.disk;
  const ReplicaRecord now = record();
  if (!now.in_index) return disk->OpenData(chunk_, /*write=*/false);
  std::string payload;
  if (now.length > 0) {
    ASSIGN_OR_RETURN(payload, disk->index().LoadPayload(chunk_));
  }
  return std::make_unique<PayloadFile>(std::move(payload));
}

absl::StatusOr<SealedSums> Replica::LoadSums() {
  const Disk::Use use(environment_.disk);
  absl::StatusOr<SealedSums> sums = environment_.disk->index().LoadSums(chunk_);
  if (!sums.ok()) return ReadFailed(Annotate(sums.status(), "its checksums"));
  return sums;
}

absl::StatusOr<std::vector<ProducerSeq>> Replica::ProducersOf(const Facts& now) {
  if (!now.sealed) return now.producers;
  ASSIGN_OR_RETURN(SealedSums sums, LoadSums());
  return std::move(sums.producers);
}

void Replica::Announce() {
  {
    MutexLock lock(&mutex_);
    if (place_ == Place::kNotYet) place_ = Place::kTaken;
  }
  Report();
}

void Replica::Retire() {
  MutexLock lock(&mutex_);
  place_ = Place::kGivenUp;
  TellGone();
}

bool Replica::retired() const {
  MutexLock lock(&mutex_);
  return place_ == Place::kGivenUp;
}

void Replica::Reinstate() {
  {
    MutexLock lock(&mutex_);
    place_ = Place::kTaken;
  }
  Report();
}

void Replica::Readmit() {
  MutexLock lock(&mutex_);
  if (place_ == Place::kGivenUp) place_ = Place::kNotYet;
}

void Replica::Report() {
  MutexLock lock(&mutex_);
  if (place_ != Place::kTaken || withheld_ || !disk().Counts()) return;  // ReportGone says all
  const ReplicaReport now = machine_.Report();
  if (!reported_ && now.state == ReplicaState::kRemoved) return;  // nobody has heard of it
  environment_.inventory->Changed(reported_, now);
  reported_ = now;
}

void Replica::Withhold() {
  {
    MutexLock lock(&mutex_);
    withheld_ = true;
  }
  ReportGone();
}

void Replica::Tell() {
  {
    MutexLock lock(&mutex_);
    withheld_ = false;
  }
  Report();
}

void Replica::ReportGone() {
  MutexLock lock(&mutex_);
  TellGone();
}

void Replica::TellGone() {
  if (!reported_ || reported_->state == ReplicaState::kRemoved) return;
  ReplicaReport gone = *reported_;
  gone.state = ReplicaState::kRemoved;
  environment_.inventory->Changed(reported_, gone);
  reported_.reset();
}

// --- Appending.

absl::Status Replica::Attach() {
  RETURN_IF_ERROR(disk().Usable());
  MutexLock lock(&mutex_);
  if (attached_) return AbortedError("chunk {}: another stream is appending to it", chunk_);
  RETURN_IF_ERROR(machine_.CheckAppend(machine_.length(), 0));
  attached_ = true;
  return absl::OkStatus();
}

void Replica::Detach() {
  MutexLock lock(&mutex_);
  attached_ = false;
}

absl::StatusOr<AppendRecord> Replica::Append(const Piece& piece) {
  Turns::Turn turn(&turns_);
  RETURN_IF_ERROR(disk().health());
  return AppendInTurn(piece);
}

absl::StatusOr<AppendRecord> Replica::AppendInTurn(const Piece& piece) {
  AppendRecord record;
  {
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(machine_.CheckAppend(piece.offset, piece.sums->bytes));
    record = machine_.sums().Next(*piece.sums);
    record.synced = machine_.spec().durability == Durability::kSync;
  }
  record.producer = piece.producer;
  record.seq = piece.seq;
  record.committed = piece.committed;
  if (const absl::Status status = AppendBytes(piece, record); !status.ok()) {
    // Nobody knows what of it is on the disk: no more appends. When even the latch cannot be
    // stored, it holds in memory, and a restart fences anyway.
    Latch().IgnoreError();
    return Annotate(status, fmt::format("append to chunk {}", chunk_));
  }
  MutexLock lock(&mutex_);
  machine_.Appended(record);
  return record;
}

absl::Status Replica::AppendBytes(const Piece& piece, const AppendRecord& record) {
  Disk* disk = environment_.disk;
  ASSIGN_OR_RETURN(File * file, DataFile());
  RETURN_IF_ERROR(disk->Check(file->Pwritev(piece.payload, piece.offset)));
  if (record.synced) RETURN_IF_ERROR(SyncData());
  const WriteMode mode = record.synced ? WriteMode::kSynced : WriteMode::kUnsynced;
  RETURN_IF_ERROR(disk->Check(disk->index().PutAppend(chunk_, record, mode)));
  if (record.end - pushed_ >= kWritebackBytes) {
    RETURN_IF_ERROR(disk->Check(file->StartWriteback(pushed_, record.end - pushed_)));
    pushed_ = record.end;
  }
  return absl::OkStatus();
}

void Replica::LearnCommitted(uint64_t offset) {
  MutexLock lock(&mutex_);
  machine_.LearnCommitted(offset);
}

absl::StatusOr<uint64_t> Replica::Sync() {
  Turns::Turn turn(&turns_);
  RETURN_IF_ERROR(disk().health());
  ReplicaRecord record = this->record();
  if (record.state != ReplicaState::kOpen) {
    return FailedPreconditionError("chunk {}: is {} here", chunk_, StateName(record.state));
  }
  if (record.synced == record.length) return record.length;
  RETURN_IF_ERROR(SyncData());
  record.synced = record.length;
  RETURN_IF_ERROR(Store(record, WriteMode::kSynced));
  return record.length;
}

absl::Status Replica::MakeFile() {
  const ReplicaRecord made = record();
  Disk* disk = environment_.disk;
  // As in Create.
  RETURN_IF_ERROR(disk->Check(disk->index().PutReplica(made, WriteMode::kSynced)));
  auto file = disk->CreateData(chunk_, made.spec.capacity_bytes);
  RETURN_IF_ERROR(disk->Check(file.status()));
  file_ = *std::move(file);
  has_file_ = true;
  return absl::OkStatus();
}

absl::StatusOr<File*> Replica::DataFile() {
  if (!has_file_) RETURN_IF_ERROR(MakeFile());
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(file_, environment_.disk->OpenData(chunk_, /*write=*/true));
  }
  return file_.get();
}

absl::Status Replica::SyncData() {
  if (!has_file_) return absl::OkStatus();  // no bytes but those that are in the index, durably
  ASSIGN_OR_RETURN(File * file, DataFile());
#ifdef QUERN_MUTANT_NO_DATASYNC  // a build that the power-cut test must fail
  static_cast<void>(file);
  const absl::Status status;
#else
  const absl::Status status = file->Datasync();
#endif
  // Also when the disk is only full: what the failed sync dropped is not known.
  if (!status.ok()) environment_.disk->Fail(status);
  if (status.ok() && !directory_synced_) {
    RETURN_IF_ERROR(environment_.disk->SyncDataDir(chunk_));
    directory_synced_ = true;
  }
  return status;
}

absl::Status Replica::Store(const ReplicaRecord& record, WriteMode mode) {
  Disk* disk = environment_.disk;
  RETURN_IF_ERROR(disk->Check(disk->index().PutReplica(record, mode)));
  Become(record);
  return absl::OkStatus();
}

void Replica::Become(const ReplicaRecord& record, const AppendRecord* append) {
  bool news = false;
  {
    MutexLock lock(&mutex_);
    if (append != nullptr) machine_.Appended(*append);
    machine_.Become(record);
    news = !reported_ || reported_->state != record.state;
  }
  if (news) Report();
}

void Replica::SetUsed(uint64_t bytes) {
  environment_.disk->AddUsed(static_cast<int64_t>(bytes) - static_cast<int64_t>(used_bytes_));
  used_bytes_ = bytes;
}

}  // namespace quern::chunkserver
