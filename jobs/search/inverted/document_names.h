// What the documents of an index are called.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/status.h"
#include "jobs/search/inverted/index_keys.h"
#include "jobs/search/inverted/index_table.h"

namespace quern::inverted {

// Keeps blocks of names that it has read, 64 MiB of them. Used by one thread.
class DocumentNames {
 public:
  explicit DocumentNames(Lookup lookup) : lookup_(std::move(lookup)) {}

  // DataLoss when the index has no such document.
  absl::StatusOr<std::string> Find(DocumentNumber number);

 private:
  absl::StatusOr<const std::string*> Block(const std::string& key);

  const Lookup lookup_;
  std::unordered_map<std::string, std::string> blocks_;  // by key
  size_t bytes_ = 0;
};

}  // namespace quern::inverted
