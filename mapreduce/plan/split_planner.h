// Cuts the input of a job into splits, one per map task.
//
// A pure function of the files, their chunks and the limits: the same input gives the same splits
// in the same order whoever plans, in the cluster and in local mode, wherever the replicas are. The
// places of the data only fill in `nodes` and `racks`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/formats/input_format.h"

namespace quern::mr {

// One input file, as a listing and its chunk table give it.
struct InputFile {
  struct Chunk {
    uint64_t length = 0;
    std::vector<std::string> nodes;  // best first
    std::vector<std::string> racks;
  };
  std::string path;
  uint64_t length = 0;
  std::vector<Chunk> chunks;            // in order; may be empty (a local file)
  const InputFormat* format = nullptr;  // that it is read in
  FileUse use = FileUse::kPieces;       // what that makes of it
  std::string id;                       // ReadableFile::id
};

// The files of one JobSpec.inputs entry.
struct SplitInput {
  uint32_t input = 0;  // index of the entry
  std::vector<InputFile> files;
};

inline constexpr uint64_t kDefaultSplitBytes = 64 << 20;

// Every byte of every file is in exactly one split. Large files are cut at chunk ends into pieces
// of at most `split_bytes` (0 = 64 MiB; longer chunks are divided evenly); small pieces of one
// input are packed together, in the order given, up to that size. The format says which files can
// be cut, and which hold nothing. Where an input has files of several formats, a split has those of
// one: the splits of the first file's format come first.
std::vector<pb::Split> PlanSplits(const std::vector<SplitInput>& inputs, uint64_t split_bytes);

// The format that a task reads all files of its split in; that of the input when there are none.
absl::StatusOr<const InputFormat*> FormatOfSplit(const pb::JobSpec& spec, const pb::Split& split);

// A map-only job has a part for each split: without any input it gets one of nothing, so that who
// reads its output finds a part.
void EnsureOnePart(const pb::JobSpec& spec, std::vector<pb::Split>* splits);

}  // namespace quern::mr
