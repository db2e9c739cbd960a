// New files of an index, wherever it lies: in the file system of a cluster, or on this machine.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::search {

// Used by one thread. Nobody sees it before Close, nor when it is dropped without.
class NewIndexFile {
 public:
  virtual ~NewIndexFile() = default;
  virtual absl::Status Append(std::string_view bytes) = 0;
  // Durable and under its name, in place of any other, when this returns OK. Of one that Replace
  // made: Aborted when what has the name now is not what had it then.
  virtual absl::Status Close() = 0;
};

class IndexWriter {
 public:
  virtual ~IndexWriter() = default;
  // `name` is relative to the index.
  virtual absl::StatusOr<std::unique_ptr<NewIndexFile>> Create(std::string_view name) = 0;
  // A file that takes the place of what has the name at this moment, or of nothing, but never of
  // what somebody else puts there before it is closed.
  virtual absl::StatusOr<std::unique_ptr<NewIndexFile>> Replace(std::string_view name) = 0;
  virtual absl::Status Remove(std::string_view name) = 0;
  // The names in the index's own directory, also of files that are not closed yet.
  virtual absl::StatusOr<std::vector<std::string>> List() = 0;
  // A small file as a whole.
  absl::Status Write(std::string_view name, std::string_view bytes);
};

// `path`: /index in the cluster, or file:///index. `master` as IndexFilesOptions has it.
absl::StatusOr<std::unique_ptr<IndexWriter>> OpenIndexWriter(const std::string& path,
                                                             const std::string& master);

}  // namespace quern::search
