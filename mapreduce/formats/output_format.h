// How output files are written: one implementation a format, found by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/output_file.h"
#include "mapreduce/engine/record_writer.h"

namespace quern::mr {

// Stateless; every method may be called by any thread. RecordWriter::Close is the other half.
class OutputFormat {
 public:
  virtual ~OutputFormat() = default;
  virtual std::string_view name() const = 0;
  // A writer that starts a new file in `file`, which is borrowed.
  virtual absl::StatusOr<std::unique_ptr<RecordWriter>> Open(OutputFile* file) const = 0;
};

// InvalidArgument for a name that no format has; no name means text.
absl::StatusOr<const OutputFormat*> FindOutputFormat(std::string_view name);
// In the order in which they are shown to users.
const std::vector<std::string>& OutputFormatNames();

}  // namespace quern::mr
