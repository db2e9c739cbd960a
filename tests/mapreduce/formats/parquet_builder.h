// Parquet files for tests, where the format is part of the build.
#pragma once

#include <string>
#include <vector>

#include "mapreduce/formats/parquet/module_library.h"

namespace quern::mr {

struct ParquetBuild {
  std::string schema = {};
  std::string codec = "none";
  uint64_t row_group_bytes = 0;  // of JSON text
};

// Of rows that are JSON objects.
inline absl::StatusOr<std::string> WriteParquet(const std::vector<std::string>& rows,
                                                const ParquetBuild& build = {}) {
  ASSIGN_OR_RETURN(const parquet::Module* const module, parquet::LoadModule());
  std::string bytes;
  parquet::WriteRequest request;
  request.sink = {&bytes, [](void* self, const char* data, size_t size) {
                    static_cast<std::string*>(self)->append(data, size);
                    return true;
                  }};
  request.schema = {build.schema.data(), build.schema.size()};
  request.codec = {build.codec.data(), build.codec.size()};
  request.row_group_bytes = build.row_group_bytes;
  parquet::Trouble trouble;
  parquet::Writer* const writer = module->create(request, &trouble);
  if (writer == nullptr) return ToStatus(trouble, absl::OkStatus());
  bool good = true;
  for (size_t i = 0; good && i < rows.size(); ++i) {
    good = module->append(writer, {rows[i].data(), rows[i].size()}, &trouble);
  }
  good = good && module->finish(writer, &trouble);
  module->release(writer);
  if (!good) return ToStatus(trouble, absl::OkStatus());
  return bytes;
}

}  // namespace quern::mr
