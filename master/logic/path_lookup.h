// Follows a path from the root through the entries of directories.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/status.h"
#include "master/logic/metadata_view.h"
#include "master/logic/path.h"

namespace quern::master {

struct PathLookup {
  Path path;
  // How many parts of the path exist.
  size_t found = 0;
  // The directory of the last part if all parts before it exist, else the deepest one that does.
  InodeId directory = kRootInode;
  // What the whole path leads to; empty when something is missing. The root is a directory.
  std::optional<pb::DentryRow> entry;

  InodeId inode() const { return InodeId(entry->inode_id()); }
  bool is_directory() const { return entry->type() == pb::FILE_TYPE_DIRECTORY; }
  bool parent_exists() const { return path.is_root() || found + 1 >= path.parts().size(); }
};

// OK also when parts are missing. InvalidArgument for a bad path, FailedPrecondition when the path
// leads through a file.
absl::StatusOr<PathLookup> LookUp(const MetadataView& view, std::string_view path);
// The same, and NotFound when something is missing.
absl::StatusOr<PathLookup> LookUpExisting(const MetadataView& view, std::string_view path);

// NotFound with the deepest missing directory and what to do about it.
absl::Status MissingParent(const PathLookup& lookup);

// What stat and list show. `path` is the absolute path or the bare name.
pb::FileStatus ToFileStatus(std::string_view path, InodeId inode, const pb::InodeRow& row);

}  // namespace quern::master
