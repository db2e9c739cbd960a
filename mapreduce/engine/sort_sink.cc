#include "mapreduce/engine/sort_sink.h"

#include <utility>

#include "common/storage/file_io.h"
#include "mapreduce/engine/engine_error.h"
#include "mapreduce/engine/map_output_writer.h"
#include "mapreduce/engine/merge_spills.h"

namespace quern::mr {

SortSink::SortSink(SortSinkOptions options, const Partitioner* partitioner, SortBuffers* buffers)
    : options_(std::move(options)),
      partitioner_(partitioner),
      filling_(&buffers->first),
      spare_(&buffers->second) {
  filling_->Clear();
  spare_->Clear();
}

SortSink::~SortSink() { spill_thread_.Join(); }

void SortSink::AppendSlow(std::string_view key, std::string_view value) {
  const size_t need = kRecordHeaderBytes + key.size() + value.size();
  const PhaseGuard guard(options_.position, RecordPhase::kNone);
  if (options_.steps != nullptr) options_.steps->Add();
  // A record that would push most others out goes into a spill of its own.
  const bool large = need > filling_->capacity() / 4;
  if (status_.ok()) status_ = TakeWindow();
  if (status_.ok()) status_ = large ? SpillLargeRecord(key, value) : MakeRoom(need);
  if (!status_.ok()) throw EngineError(status_);
  if (!large) Append(key, value);
}

absl::Status SortSink::TakeWindow() {
  const size_t before = filling_->records();
  if (cursor() != nullptr) {
    const PhaseGuard guard(options_.position, options_.partition_phase);
    RETURN_IF_ERROR(filling_->Commit(cursor(), *partitioner_, options_.partitions));
  }
  SetWindow(nullptr, nullptr);
  records_ += filling_->records() - before;
  return absl::OkStatus();
}

absl::Status SortSink::MakeRoom(size_t need) {
  std::span<char> window = filling_->Window(need);
  if (window.empty()) {
    RETURN_IF_ERROR(StartSpill());
    window = filling_->Window(need);
  }
  SetWindow(window.data(), window.data() + window.size());
  return absl::OkStatus();
}

std::string SortSink::NextSpillPath() {
  spills_.push_back(fmt::format("{}/spill-{:05}", options_.scratch_dir, spills_.size()));
  return spills_.back();
}

absl::Status SortSink::StartSpill() {
  RETURN_IF_ERROR(WaitForSpill());
  if (filling_->records() == 0) return absl::OkStatus();
  std::swap(filling_, spare_);
  spilled_records_ += spare_->records();
  spill_thread_ = Thread("spill", [this, full = spare_, path = NextSpillPath()] {
    spill_status_ = WriteSorted(full, path);
    full->Clear();
  });
  return absl::OkStatus();
}

absl::Status SortSink::WaitForSpill() {
  spill_thread_.Join();
  return spill_status_;
}

uint32_t SortSink::PartitionOf(std::string_view key) const {
  if (options_.partitions == 1) return 0;
  const PhaseGuard guard(options_.position, options_.partition_phase);
  return partitioner_->Partition(key, options_.partitions);
}

absl::Status SortSink::SpillLargeRecord(std::string_view key, std::string_view value) {
  if (key.size() + value.size() > kMaxRecordBytes) {
    return InvalidArgumentError("emitted a record of {} bytes: the limit is 1 GiB",
                                key.size() + value.size());
  }
  // Records before it go into a spill before it: the order of spills is the order of emits.
  RETURN_IF_ERROR(StartSpill());
  const uint32_t partition = PartitionOf(key);
  if (partition >= options_.partitions) return NoSuchPartition(partition, options_.partitions);
  ASSIGN_OR_RETURN(const auto writer, MapOutputWriter::Create(NextSpillPath(), options_.identity,
                                                              options_.partitions, options_.codec));
  RETURN_IF_ERROR(writer->Append(partition, key, value));
  RETURN_IF_ERROR(writer->Finish().status());
  ++records_;
  ++spilled_records_;
  return absl::OkStatus();
}

absl::Status SortSink::WriteSorted(SortBuffer* buffer, const std::string& path) {
  buffer->Sort();
  ASSIGN_OR_RETURN(const auto writer, MapOutputWriter::Create(path, options_.identity,
                                                              options_.partitions, options_.codec));
  RETURN_IF_ERROR(
      buffer->ForEach([&](uint32_t partition, std::string_view key, std::string_view value) {
        if (options_.steps != nullptr) options_.steps->Add();
        return writer->Append(partition, key, value);
      }));
  return writer->Finish().status();
}

absl::StatusOr<uint64_t> SortSink::Finish(const std::string& path, Combiner* combiner) {
  RETURN_IF_ERROR(status_);
  RETURN_IF_ERROR(TakeWindow());
  RETURN_IF_ERROR(WaitForSpill());
  if (spills_.empty()) {
    RETURN_IF_ERROR(WriteSorted(filling_, path));
    filling_->Clear();
  } else {
    RETURN_IF_ERROR(StartSpill());
    RETURN_IF_ERROR(WaitForSpill());
    const MergeSpillsOptions merge = {options_.identity,    options_.partitions,   options_.codec,
                                      options_.scratch_dir, options_.merge_fan_in, options_.steps};
    RETURN_IF_ERROR(MergeSpills(merge, spills_, combiner, path));
  }
  ASSIGN_OR_RETURN(const auto file, FileSystem::Real()->Open(path, {}));
  return file->Size();
}

}  // namespace quern::mr
