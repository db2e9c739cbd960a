// The parts of a sorted table in a job's output directory, asked as one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/formats/sorted_table.h"

namespace quern::mr {

// Used by one thread.
class TableParts {
 public:
  // `path`: a directory or one file; file:///... on this machine. `dfs` is borrowed.
  static absl::StatusOr<TableParts> Open(client::FileSystem* dfs, const std::string& path);

  // Sets *value; false when no part has the key. Parts are asked one after another, whether keys
  // were divided by hash or by range.
  absl::StatusOr<bool> Get(std::string_view key, std::string* value) const;

  struct Range {
    std::string from;
    std::string to;  // exclusive; empty = no end
    std::string prefix;
  };
  // Hands over records in the order of their keys, over all parts, until `take` returns false.
  absl::Status Scan(const Range& range,
                    const std::function<bool(std::string_view, std::string_view)>& take) const;

 private:
  std::vector<std::unique_ptr<SortedTable>> parts_;
};

}  // namespace quern::mr
