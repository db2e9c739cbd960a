// The files of an index that the inverted-index job made: in the file system of a cluster, or on
// this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "jobs/search/inverted/sorted_lines.h"

namespace quern::inverted {

// Used by one thread.
class IndexParts {
 public:
  virtual ~IndexParts() = default;

  // Their paths, in order. NotFound when there is none, FailedPrecondition when one of them is
  // compressed: in such a file no line can be looked up.
  absl::StatusOr<std::vector<std::string>> List();
  // The lines of one of them; they may outlive this.
  virtual absl::StatusOr<SortedLines> Open(const std::string& path) = 0;

 protected:
  explicit IndexParts(std::string index) : index_(std::move(index)) {}
  virtual absl::StatusOr<std::vector<std::string>> Find() = 0;

 private:
  const std::string index_;
};

// `index`: /index in the cluster, or file:///index; `master`: --master. InvalidArgument for
// anything else.
absl::StatusOr<std::unique_ptr<IndexParts>> OpenIndexParts(const std::string& index,
                                                           const std::string& master);

}  // namespace quern::inverted
