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

// What a job says about an output.
struct OutputSettings {
  std::string codec = {};  // one of the format's; empty = its default
  std::string schema =
      {};  // columns and types of the format parquet; empty = from the first records
};

// Stateless; every method may be called by any thread. RecordWriter::Close is the other half.
class OutputFormat {
 public:
  virtual ~OutputFormat() = default;
  virtual std::string_view name() const = 0;
  // How it can compress what it writes, and what it does unless the job says otherwise.
  virtual const std::vector<std::string>& codecs() const;
  virtual std::string_view default_codec() const { return "none"; }
  // As of InputFormat.
  virtual absl::Status Installed() const { return absl::OkStatus(); }
  virtual absl::Status Check(const OutputSettings& settings) const;
  // What the names of files end with that are compressed as a whole (".zst"); empty for others.
  virtual std::string_view Extension(const OutputSettings& settings) const;
  // A writer that starts a new file in `file`, which is borrowed.
  virtual absl::StatusOr<std::unique_ptr<RecordWriter>> Open(const OutputSettings& settings,
                                                             OutputFile* file) const = 0;
};

// InvalidArgument for a name that no format has; no name means text.
absl::StatusOr<const OutputFormat*> FindOutputFormat(std::string_view name);
// In the order in which they are shown to users.
const std::vector<std::string>& OutputFormatNames();

}  // namespace quern::mr
