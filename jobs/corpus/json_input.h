// What jobs check that read lines of JSON.
#pragma once

#include <string>
#include <string_view>

#include "mapreduce/api/file_kinds.h"
#include "mapreduce/api/mapreduce.h"

// Fails the job when a file begins like a WARC file: each line of it would be bad JSON, and the
// job's result would be that of no document. `next_step` is what to try instead.
inline void CheckIsNoCrawl(quern::TaskContext& context, const quern::MapInput& in,
                           std::string_view next_step) {
  if (!quern::BeginsLikeWarc(in.value())) return;
  if (in.source().offset > 0) return;
  context.Fail(std::string(in.source().path) +
               ": is a WARC file, and is read as lines of JSON. Try: " + std::string(next_step));
}
