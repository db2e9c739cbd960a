#include "mapreduce/task/fetched_segment.h"

#include "common/random.h"

namespace quern::mr {

namespace {

// Larger shares of the memory would leave too little for all the others.
constexpr uint64_t kLargestShare = 4;

}  // namespace

bool SegmentSpace::TakeMemory(uint64_t bytes) {
  if (bytes > memory_bytes_ / kLargestShare) return false;
  if (CostOf(bytes) > memory_bytes_ - memory_used_) return false;
  memory_used_ += CostOf(bytes);
  return true;
}

absl::StatusOr<SegmentSpace::FileRange> SegmentSpace::TakeFileRange(uint64_t bytes) {
  if (file_ == nullptr) {
    const std::string path = fmt::format("{}/fetched-{}", scratch_dir_, RandomHex(4));
    ASSIGN_OR_RETURN(file_, FileSystem::Real()->Open(path, {.create = true, .exclusive = true}));
    RETURN_IF_ERROR(FileSystem::Real()->Remove(path));
  }
  const FileRange range = {file_, file_bytes_};
  file_bytes_ += bytes;
  return range;
}

absl::StatusOr<std::unique_ptr<FetchedSegment>> FetchedSegment::Create(SegmentSpace* space,
                                                                       uint64_t size) {
  if (std::unique_ptr<FetchedSegment> segment = CreateInMemory(space, size)) return segment;
  std::unique_ptr<FetchedSegment> segment(new FetchedSegment(space, size));
  ASSIGN_OR_RETURN(segment->range_, space->TakeFileRange(size));
  return segment;
}

std::unique_ptr<FetchedSegment> FetchedSegment::CreateInMemory(SegmentSpace* space, uint64_t size) {
  if (!space->TakeMemory(size)) return nullptr;
  std::unique_ptr<FetchedSegment> segment(new FetchedSegment(space, size));
  segment->memory_ = std::make_shared<std::string>();
  segment->memory_->reserve(size);
  return segment;
}

FetchedSegment::~FetchedSegment() {
  if (memory_ != nullptr) space_->ReturnMemory(size_);
}

absl::Status FetchedSegment::Append(std::string_view bytes) {
  RETURN_IF_ERROR(checker_.Add(bytes));
  if (memory_ != nullptr) {
    memory_->append(bytes);
  } else {
    RETURN_IF_ERROR(range_.file->Pwrite(bytes, range_.offset + received_));
  }
  received_ += bytes.size();
  return complete() ? checker_.Finish() : absl::OkStatus();
}

SortedRun FetchedSegment::TakeRun() {
  SortedRun run;
  run.memory = std::move(memory_);  // stays counted
  run.file = range_.file;
  run.offset = range_.offset;
  run.bytes = size_;
  run.packed = checker_.packed();
  return run;
}

}  // namespace quern::mr
