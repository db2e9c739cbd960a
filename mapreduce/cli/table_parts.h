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
  // The same, with each part opened only when it is first asked: for lookups that know which one
  // that is. `dfs` must outlive the result.
  static absl::StatusOr<TableParts> Find(client::FileSystem* dfs, const std::string& path);

  // Sets *value; false when no part has the key. Parts are asked one after another, whether keys
  // were divided by hash or by range.
  absl::StatusOr<bool> Get(std::string_view key, std::string* value) const;
  // The same of one part, from 0 in the byte order of their names. Errors name its file.
  absl::StatusOr<bool> GetFrom(size_t part, std::string_view key, std::string* value) const;
  size_t size() const { return parts_.size(); }
  // The file of a part.
  const std::string& path(size_t part) const { return parts_[part].path; }

  struct Range {
    std::string from;
    std::string to;  // exclusive; empty = no end
    std::string prefix;
  };
  // Hands over records in the order of their keys, over all parts, until `take` returns false.
  absl::Status Scan(const Range& range,
                    const std::function<bool(std::string_view, std::string_view)>& take) const;

 private:
  struct Part {
    std::string path;
    std::unique_ptr<SortedTable> table;  // nullptr until it is opened
  };
  absl::StatusOr<const SortedTable*> Opened(size_t part) const;

  client::FileSystem* dfs_ = nullptr;
  mutable std::vector<Part> parts_;
};

}  // namespace quern::mr
