// How the files of an output are named: "train-{i:05}-of-{n:05}.jsonl.zst".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// {i} is the number of the file, from 0 and without gaps, {n} how many there are; {i:05} has five
// digits at least. InvalidArgument for anything else in braces, a name without {i} unless there is
// `one_file` only, and one that is no name of a visible file.
absl::Status CheckFilePattern(std::string_view pattern, bool one_file = false);
// What all names of a pattern end with: behind its last number, or the whole of it.
std::string_view EndOfPattern(std::string_view pattern);
// Of a pattern that CheckFilePattern lets pass.
std::string FileNameOf(std::string_view pattern, uint64_t i, uint64_t n);

// What the end of a name says of the compression of the file as a whole, as a codec ("zstd" of
// "x.jsonl.zst"); empty when it says nothing.
std::string_view CodecOfName(std::string_view name);

// Takes the codec from the pattern where the output names none, and its format has it.
void FillCodec(pb::JobSpec::Output* output);
// InvalidArgument when the pattern's end says another codec than the output has.
absl::Status CheckCodecOfPattern(const pb::JobSpec::Output& output);

}  // namespace quern::mr
