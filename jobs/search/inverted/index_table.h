// An index that the inverted-index job made, as a table: in the file system of a cluster, or on
// this machine (docs/formats/inverted-index.md).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/cli/table_parts.h"

namespace quern::inverted {

// Sets *value; false when there is no record with this key.
using Lookup = std::function<absl::StatusOr<bool>(std::string_view key, std::string* value)>;

// Used by one thread.
class IndexTable {
 public:
  // `index` is /path of the cluster at `master` (empty: where commands look for it), or
  // file:///path. InvalidArgument when it is neither, NotFound when nothing is there; what is there
  // is looked at when it is asked.
  static absl::StatusOr<std::unique_ptr<IndexTable>> Open(const std::string& index,
                                                          const std::string& master);

  // Asks the one part that can have the key. FailedPrecondition when that is no part of an index of
  // words, or not of a whole one; DataLoss when it is damaged, or no table at all.
  absl::StatusOr<bool> Get(std::string_view key, std::string* value);
  // That, as a function; must not outlive the table.
  Lookup lookup();
  // Hands over the lists' records with keys that begin so, in the order of keys, until `take`
  // returns false. Errors as above, of any part.
  absl::Status ScanLists(std::string_view prefix,
                         const std::function<bool(std::string_view, std::string_view)>& take);

 private:
  IndexTable(std::unique_ptr<client::FileSystem> fs, mr::TableParts parts);
  absl::Status CheckPart(size_t part);

  const std::unique_ptr<client::FileSystem> fs_;
  const mr::TableParts parts_;
  std::vector<bool> checked_;  // of each part
};

}  // namespace quern::inverted
