#include "mapreduce/engine/merge_runs.h"

#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/map_output_writer.h"
#include "mapreduce/engine/merge_plan.h"
#include "mapreduce/engine/merger.h"

namespace quern::mr {

namespace {

absl::StatusOr<SortedRun> MergeIntoFile(const std::vector<SortedRun>& runs, const std::string& path,
                                        SortedRun* failed_run) {
  ASSIGN_OR_RETURN(const auto writer, MapOutputWriter::Create(path, {}, 1, Codec::kNone));
  Merger merger(runs);
  while (merger.Next()) RETURN_IF_ERROR(writer->Append(0, merger.key(), merger.value()));
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

}  // namespace

absl::Status MergeToFanIn(size_t fan_in, const std::string& scratch_dir,
                          std::vector<SortedRun>* runs, SortedRun* failed_run) {
  for (int pass = 0; runs->size() > fan_in; ++pass) {
    std::vector<uint64_t> sizes;
    for (const SortedRun& run : *runs) sizes.push_back(run.bytes);
    const MergeWindow window = ChooseMergeWindow(sizes, fan_in);
    const auto begin = runs->begin() + static_cast<std::ptrdiff_t>(window.begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(window.count);
    ASSIGN_OR_RETURN(
        *begin,
        MergeIntoFile({begin, end}, fmt::format("{}/merge-{}", scratch_dir, pass), failed_run));
    runs->erase(begin + 1, end);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
