#include "mapreduce/engine/merge_runs.h"

#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/map_output_writer.h"
#include "mapreduce/engine/merge_plan.h"
#include "mapreduce/engine/merger.h"

namespace quern::mr {

absl::StatusOr<SortedRun> MergeIntoFile(const std::vector<SortedRun>& runs, const std::string& path,
                                        SortedRun* failed_run, WorkSteps* steps,
                                        const std::atomic<bool>* stop) {
  ASSIGN_OR_RETURN(const auto writer, MapOutputWriter::Create(path, {}, 1, Codec::kNone));
  Merger merger(runs, steps);
  while (merger.Next()) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
      return CancelledError("{}: nobody needs it any more", path);
    }
    RETURN_IF_ERROR(writer->Append(0, merger.key(), merger.value()));
  }
  if (!merger.status().ok()) {
    *failed_run = runs[merger.failed_run()];
    return merger.status();
  }
  RETURN_IF_ERROR(writer->Finish().status());
  ASSIGN_OR_RETURN(const auto file, MapOutputFile::Open(path));
  // Open it stays readable, and nobody has to clean up.
  RETURN_IF_ERROR(FileSystem::Real()->Remove(path));
  SortedRun merged;
  merged.file = file->file();
  merged.offset = file->partition(0).offset;
  merged.bytes = file->partition(0).bytes;
  return merged;
}

namespace {

// The runs that need a buffer, each with the bytes that a merge of it and the next one moves.
struct Buffered {
  std::vector<std::ptrdiff_t> at;
  std::vector<uint64_t> bytes;
};

Buffered FindBuffered(const std::vector<SortedRun>& runs) {
  Buffered buffered;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (NeedsBuffer(runs[i])) {
      buffered.at.push_back(static_cast<std::ptrdiff_t>(i));
      buffered.bytes.push_back(0);
    }
    if (!buffered.bytes.empty()) buffered.bytes.back() += runs[i].bytes;
  }
  return buffered;
}

}  // namespace

absl::Status MergeToFanIn(size_t fan_in, const std::string& scratch_dir,
                          std::vector<SortedRun>* runs, SortedRun* failed_run, WorkSteps* steps) {
  Buffered buffered = FindBuffered(*runs);
  for (int pass = 0; buffered.at.size() > fan_in; ++pass, buffered = FindBuffered(*runs)) {
    const MergeWindow window = ChooseMergeWindow(buffered.bytes, fan_in);
    const auto begin = runs->begin() + buffered.at[window.begin];
    const auto end = runs->begin() + buffered.at[window.begin + window.count - 1] + 1;
    ASSIGN_OR_RETURN(*begin,
                     MergeIntoFile({begin, end}, fmt::format("{}/merge-{}", scratch_dir, pass),
                                   failed_run, steps));
    runs->erase(begin + 1, end);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
