#include "mapreduce/engine/merge_spills.h"

#include <memory>
#include <numeric>

#include "common/storage/file_io.h"
#include "mapreduce/engine/group_reader.h"
#include "mapreduce/engine/map_output_writer.h"
#include "mapreduce/engine/merge_plan.h"
#include "mapreduce/engine/merger.h"

namespace quern::mr {

namespace {

using Spills = std::vector<std::shared_ptr<MapOutputFile>>;

std::vector<SortedRun> RunsOf(const Spills& spills, uint32_t partition) {
  std::vector<SortedRun> runs;
  for (const auto& spill : spills) {
    const MapOutputFile::Partition& range = spill->partition(partition);
    if (range.bytes > 0) runs.push_back({spill->file(), range.offset, nullptr, range.bytes});
  }
  return runs;
}

absl::Status CopyMerged(Merger* merger, uint32_t partition, MapOutputWriter* writer) {
  while (merger->Next()) {
    RETURN_IF_ERROR(writer->Append(partition, merger->key(), merger->value()));
  }
  return merger->status();
}

absl::Status CombineMerged(Merger* merger, uint32_t partition, Combiner* combiner,
                           const std::string& scratch_dir, MapOutputWriter* writer) {
  GroupReader groups(merger, scratch_dir);
  const Combiner::Take take = [&](std::string_view key, std::string_view value) {
    return writer->Append(partition, key, value);
  };
  absl::Status combined;
  while (combined.ok() && groups.NextGroup()) combined = combiner->Combine(&groups, take);
  // Values that cannot be read are no fault of the combiner, which was shown only some.
  return groups.status().ok() ? combined : groups.status();
}

absl::Status MergePass(const MergeSpillsOptions& options, const std::vector<std::string>& paths,
                       Combiner* combiner, const std::string& output_path) {
  Spills spills;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(spills.emplace_back(), MapOutputFile::Open(path));
  }
  ASSIGN_OR_RETURN(const auto writer, MapOutputWriter::Create(output_path, options.identity,
                                                              options.partitions, options.codec));
  for (uint32_t partition = 0; partition < options.partitions; ++partition) {
    Merger merger(RunsOf(spills, partition), options.steps);
    RETURN_IF_ERROR(combiner == nullptr ? CopyMerged(&merger, partition, writer.get())
                                        : CombineMerged(&merger, partition, combiner,
                                                        options.scratch_dir, writer.get()));
  }
  RETURN_IF_ERROR(writer->Finish().status());
  for (const std::string& path : paths) RETURN_IF_ERROR(FileSystem::Real()->Remove(path));
  return absl::OkStatus();
}

}  // namespace

absl::Status MergeSpills(const MergeSpillsOptions& options, std::vector<std::string> spills,
                         Combiner* combiner, const std::string& output_path) {
  std::vector<uint64_t> sizes;
  for (const std::string& spill : spills) {
    ASSIGN_OR_RETURN(const auto file, FileSystem::Real()->Open(spill, {}));
    ASSIGN_OR_RETURN(sizes.emplace_back(), file->Size());
  }
  for (int pass = 0; spills.size() > options.fan_in; ++pass) {
    const MergeWindow window = ChooseMergeWindow(sizes, options.fan_in);
    const auto begin = static_cast<std::ptrdiff_t>(window.begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(window.count);
    const std::string merged = fmt::format("{}/merge-{:05}", options.scratch_dir, pass);
    RETURN_IF_ERROR(
        MergePass(options, {spills.begin() + begin, spills.begin() + end}, nullptr, merged));
    sizes[window.begin] = std::accumulate(sizes.begin() + begin, sizes.begin() + end, uint64_t{0});
    spills[window.begin] = merged;
    sizes.erase(sizes.begin() + begin + 1, sizes.begin() + end);
    spills.erase(spills.begin() + begin + 1, spills.begin() + end);
  }
  return MergePass(options, spills, combiner, output_path);
}

}  // namespace quern::mr
