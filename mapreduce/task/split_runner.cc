#include "mapreduce/task/split_runner.h"

#include <algorithm>

#include "common/log.h"
#include "mapreduce/plan/split_planner.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

namespace {

// A file that has grown since the job was planned, as it was then.
class PlannedPart final : public ReadableFile {
 public:
  PlannedPart(ReadableFile* file, uint64_t length) : file_(file), length_(length) {}
  uint64_t length() const override { return length_; }
  std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) override {
    const uint64_t begin = std::min(offset, length_);
    return file_->Stream(begin, std::min(length, length_ - begin));
  }

 private:
  ReadableFile* const file_;
  const uint64_t length_;
};

// The bytes that the job was planned over have to be there still; more may have come behind them.
absl::Status CheckIsPlanned(const pb::InputPiece& piece, const ReadableFile& file) {
  if (!piece.file_id().empty() && !file.id().empty() && piece.file_id() != file.id()) {
    return JobError(fmt::format(
        "{}: was replaced after the job was planned. Try: run the job again", piece.path()));
  }
  if (file.length() >= piece.file_length()) return absl::OkStatus();
  return JobError(
      fmt::format("{}: has {} bytes, had {} when the job was planned. Try: run the job again",
                  piece.path(), file.length(), piece.file_length()));
}

// No data stands for "the offset", so an empty key has some.
quern_bytes KeyOf(const RecordReader& reader) {
  if (!reader.has_key()) return {nullptr, 0};
  const std::string_view key = reader.key();
  return key.empty() ? quern_bytes{"", 0} : quern_bytes{key.data(), key.size()};
}

}  // namespace

SplitRunner::SplitRunner(const pb::TaskSpec& spec, const TaskEnvironment& environment,
                         const MemoryPlan& plan, UserContext* context, uint64_t bytes_per_piece)
    : spec_(spec),
      environment_(environment),
      context_(context),
      bytes_per_piece_(bytes_per_piece),
      skipped_(spec, environment) {
  for (const pb::BadRecord& bad : spec.bad_records()) {
    bad_[{bad.piece(), bad.position()}] = bad.reason();
  }
  const pb::JobSpec::Input& input = spec.job().inputs(static_cast<int>(spec.split().input()));
  read_options_.settings = {.record_bytes = input.record_bytes(), .columns = input.columns()};
  read_options_.scratch_dir = environment.scratch_dir;
  read_options_.memory_bytes = plan.record_bytes;
}

absl::Status SplitRunner::Run(UserObject* mapper) {
  for (const pb::InputPiece& piece : spec_.split().pieces()) {
    RETURN_IF_ERROR(RunPiece(piece, mapper));
    bytes_ += piece.length();
    ++piece_;
    environment_.progress->input_bytes.Set(bytes_);
  }
  return absl::OkStatus();
}

absl::Status SplitRunner::OpenFile(const std::string& path) {
  if (file_ != nullptr && path == path_) return absl::OkStatus();
  splittable_.reset();
  ASSIGN_OR_RETURN(file_, environment_.storage->Open(path));
  path_ = path;
  return absl::OkStatus();
}

absl::Status SplitRunner::RunPiece(const pb::InputPiece& piece, UserObject* mapper) {
  environment_.position->SetSource(piece.path(), piece_);
  environment_.position->SetPosition(piece.offset());
  environment_.position->SetPhase(RecordPhase::kReading);
  RETURN_IF_ERROR(OpenFile(piece.path()));
  RETURN_IF_ERROR(CheckIsPlanned(piece, *file_));
  PlannedPart part(file_.get(), piece.file_length());
  ReadableFile* const file = file_->length() > piece.file_length() ? &part : file_.get();
  ASSIGN_OR_RETURN(const InputFormat* const format, FormatOfSplit(spec_.job(), spec_.split()));
  ASSIGN_OR_RETURN(const uint64_t length, LengthToRead(piece, *format, file));
  if (length == 0 && piece.length() > 0) return absl::OkStatus();
  read_options_.path = piece.path();
  const auto reader = format->Open(read_options_, file, piece.offset(), length);
  if (reader.status().code() == absl::StatusCode::kInvalidArgument) {
    return JobError(fmt::format("{}: {}", piece.path(), Message(reader.status())));
  }
  RETURN_IF_ERROR(Annotate(reader.status(), piece.path()));
  context_->SetReader(reader->get());
  one_by_one_ = spec_.job().limits().skip_bad_records() || format->has_headers();
  const absl::Status mapped = mapper->maps_batches() ? MapBatches(piece, reader->get(), mapper)
                                                     : MapRecords(piece, reader->get(), mapper);
  context_->SetReader(nullptr);
  RETURN_IF_ERROR(mapped);
  environment_.position->SetPhase(RecordPhase::kNone);
  for (const auto& [reason, records] : (*reader)->set_aside()) {
    set_aside_[reason] += records;
    // The counter does not say where.
    LogWarning("set_aside", {{"path", piece.path()}, {"reason", reason}, {"records", records}});
  }
  return Annotate((*reader)->status(), piece.path());
}

// A sample's pieces are windows. A file that can only be read as a whole is read from its start, as
// far as the sample goes; windows in the middle of it are passed over.
absl::StatusOr<uint64_t> SplitRunner::LengthToRead(const pb::InputPiece& piece,
                                                   const InputFormat& format, ReadableFile* file) {
  if (bytes_per_piece_ == UINT64_MAX) return piece.length();
  if (!splittable_.has_value()) {
    ASSIGN_OR_RETURN(const std::string first, ReadFirstBytes(file));
    splittable_ = format.Splittable(first);
  }
  if (*splittable_) return piece.length();
  return piece.offset() == 0 ? piece.file_length() : 0;
}

// The inner loop of every map task: what stands here is paid once a record.
absl::Status SplitRunner::MapRecords(const pb::InputPiece& piece, RecordReader* reader,
                                     UserObject* mapper) {
  TaskProgress* const progress = environment_.progress;
  RecordPositionWriter* const at = environment_.position;
  const quern_bytes path = {piece.path().data(), piece.path().size()};
  const quern_source source = {sizeof(source), piece_, path};
  quern_record record = {};
  record.size = sizeof(record);
  record.source = &source;
  const uint64_t limit = piece.offset() + std::min(bytes_per_piece_, UINT64_MAX - piece.offset());
  while (reader->Next()) {
    const uint64_t offset = reader->offset();
    const uint64_t read = reader->position();
    if (read >= limit) break;
    if (!bad_.empty()) [[unlikely]] {
      ASSIGN_OR_RETURN(const bool bad, StepOver(piece, *reader));
      if (bad) continue;
    }
    at->SetPosition(offset);
    at->SetPhase(RecordPhase::kMap);
    record.key = KeyOf(*reader);
    record.value = {reader->value().data(), reader->value().size()};
    record.offset = offset;
    if (const int result = mapper->Map(record); result != QUERN_OK) [[unlikely]] {
      if (result != QUERN_SKIPPED) return mapper->Failure(result, "Map");
      const std::string reason = mapper->TakeReason();
      skipped_.Count(reason);
      RETURN_IF_ERROR(skipped_.KeepRecord(reason, piece.path(), *reader));
    }
    at->SetPhase(RecordPhase::kReading);
    progress->input_records.Set(++records_);
    progress->input_bytes.Set(bytes_ + (read - piece.offset()));
    progress->phase_done.Set(bytes_ + (read - piece.offset()));
  }
  // Reported, and then swallowed by user code.
  return mapper->failed() ? mapper->Failure(QUERN_FAILED, "Map") : absl::OkStatus();
}

absl::StatusOr<bool> SplitRunner::StepOver(const pb::InputPiece& piece,
                                           const RecordReader& reader) {
  const auto bad = bad_.find({piece_, reader.offset()});
  if (bad == bad_.end()) return false;
  skipped_.Count(SkippedRecords::kDeaths);
  RETURN_IF_ERROR(skipped_.KeepRecord(bad->second, piece.path(), reader));
  return true;
}

absl::Status SplitRunner::MapBatches(const pb::InputPiece& piece, RecordReader* reader,
                                     UserObject* mapper) {
  constexpr uint32_t kMaxRecords = 1024;
  const quern_bytes path = {piece.path().data(), piece.path().size()};
  const quern_source source = {sizeof(source), piece_, path};
  const uint64_t limit = piece.offset() + std::min(bytes_per_piece_, UINT64_MAX - piece.offset());
  RecordBatch batch(&source, one_by_one_ ? 1 : kMaxRecords);
  uint64_t read = piece.offset();
  while (reader->Next() && reader->position() < limit) {
    if (!batch.empty() && !batch.HasRoomFor(*reader)) {
      RETURN_IF_ERROR(MapBatch(piece, read, &batch, mapper));
    }
    read = reader->position();
    if (!bad_.empty()) {
      ASSIGN_OR_RETURN(const bool bad, StepOver(piece, *reader));
      if (bad) continue;
    }
    batch.Add(*reader);
    if (batch.IsFull()) RETURN_IF_ERROR(MapBatch(piece, read, &batch, mapper));
  }
  if (!batch.empty()) RETURN_IF_ERROR(MapBatch(piece, read, &batch, mapper));
  return mapper->failed() ? mapper->Failure(QUERN_FAILED, "MapBatch") : absl::OkStatus();
}

// `read` is how far the reader has come with them.
absl::Status SplitRunner::MapBatch(const pb::InputPiece& piece, uint64_t read, RecordBatch* batch,
                                   UserObject* mapper) {
  TaskProgress* const progress = environment_.progress;
  for (uint32_t first = 0; first < batch->size();) {
    quern_batch part = batch->From(first);
    environment_.position->SetPosition((*batch)[first].offset);
    environment_.position->SetPhase(RecordPhase::kMap);
    const int result = mapper->MapBatch(&part);
    if (result == QUERN_OK) break;
    // What a plugin says is not believed.
    const uint32_t at = first + std::min(part.at, batch->size() - first - 1);
    environment_.position->SetPosition((*batch)[at].offset);
    if (result != QUERN_SKIPPED) return mapper->Failure(result, "MapBatch");
    const std::string reason = mapper->TakeReason();
    skipped_.Count(reason);
    RETURN_IF_ERROR(skipped_.KeepRecord(reason, piece.path(), HeldRecord((*batch)[at])));
    first = at + 1;
  }
  environment_.position->SetPhase(RecordPhase::kReading);
  records_ += batch->size();
  batch->Clear();
  progress->input_records.Set(records_);
  progress->input_bytes.Set(bytes_ + (read - piece.offset()));
  progress->phase_done.Set(bytes_ + (read - piece.offset()));
  return absl::OkStatus();
}

uint64_t SplitBytes(const pb::Split& split) {
  uint64_t bytes = 0;
  for (const pb::InputPiece& piece : split.pieces()) bytes += piece.length();
  return bytes;
}

}  // namespace quern::mr
