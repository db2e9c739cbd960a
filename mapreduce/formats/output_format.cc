#include "mapreduce/formats/output_format.h"

#include "mapreduce/formats/named.h"
#include "mapreduce/formats/parquet/parquet_format.h"
#include "mapreduce/formats/record_format.h"
#include "mapreduce/formats/table_format.h"
#include "mapreduce/formats/text_output.h"

namespace quern::mr {

namespace {

// The one list of output formats.
const std::vector<std::unique_ptr<const OutputFormat>>& AllOutputFormats() {
  static const auto* const formats = [] {
    auto* all = new std::vector<std::unique_ptr<const OutputFormat>>;
    all->push_back(MakeTextOutput());
    all->push_back(MakeRawOutput());
    all->push_back(MakeJsonlOutput());
    all->push_back(MakeBytesOutput());
    all->push_back(MakeRecordOutput());
    all->push_back(MakeTableOutput());
    all->push_back(MakeParquetOutput());
    return all;
  }();
  return *formats;
}

}  // namespace

const std::vector<std::string>& OutputFormat::codecs() const {
  static const std::vector<std::string> none = {"none"};
  return none;
}

absl::Status OutputFormat::Check(const OutputSettings& settings) const {
  if (settings.schema.empty()) return absl::OkStatus();
  return InvalidArgumentError("schema: only the format parquet has a schema");
}

std::string_view OutputFormat::Extension(const OutputSettings&) const { return {}; }

absl::StatusOr<const OutputFormat*> FindOutputFormat(std::string_view name) {
  return FindByName(AllOutputFormats(), name.empty() ? "text" : name, "output format");
}

const std::vector<std::string>& OutputFormatNames() {
  static const std::vector<std::string> names = NamesOf(AllOutputFormats());
  return names;
}

}  // namespace quern::mr
