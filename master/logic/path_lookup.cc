#include "master/logic/path_lookup.h"

#include <utility>

#include "common/shell_words.h"

namespace quern::master {

absl::StatusOr<PathLookup> LookUp(const MetadataView& view, std::string_view path) {
  PathLookup lookup;
  ASSIGN_OR_RETURN(lookup.path, Path::Parse(path));
  pb::DentryRow here;
  here.set_inode_id(kRootInode.value());
  here.set_type(pb::FILE_TYPE_DIRECTORY);
  for (const std::string& name : lookup.path.parts()) {
    if (here.type() != pb::FILE_TYPE_DIRECTORY) {
      return FailedPreconditionError("{}: {} is a file, not a directory", path,
                                     lookup.path.Prefix(lookup.found));
    }
    lookup.directory = InodeId(here.inode_id());
    std::optional<pb::DentryRow> next = view.Entry(lookup.directory, name);
    if (!next.has_value()) return lookup;
    here = *std::move(next);
    ++lookup.found;
  }
  lookup.entry = std::move(here);
  return lookup;
}

absl::StatusOr<PathLookup> LookUpExisting(const MetadataView& view, std::string_view path) {
  ASSIGN_OR_RETURN(PathLookup lookup, LookUp(view, path));
  if (!lookup.entry.has_value()) return NotFoundError("{}: no such file or directory", path);
  return lookup;
}

absl::Status MissingParent(const PathLookup& lookup) {
  return NotFoundError("{}: its directory {} does not exist. Try: dfs mkdir -p {}",
                       lookup.path.ToString(), lookup.path.Prefix(lookup.found + 1),
                       ShellQuotedLine(lookup.path.Parent()));
}

pb::FileStatus ToFileStatus(std::string_view path, InodeId inode, const pb::InodeRow& row) {
  pb::FileStatus status;
  status.set_path(std::string(path));
  status.set_inode_id(inode.value());
  status.set_type(row.type());
  status.set_length(row.length());
  status.set_replication(row.replication());
  status.set_chunk_size(row.chunk_size());
  status.set_owner(row.owner());
  status.set_group(row.group());
  status.set_mode(row.mode());
  status.set_mtime_ms(row.mtime_ms());
  status.set_durability(row.durability());
  status.set_complete(row.type() == pb::FILE_TYPE_DIRECTORY || row.complete());
  status.set_lost_tail(row.lost_tail());
  status.set_chunk_count(row.chunk_count());
  status.set_child_count(row.child_count());
  return status;
}

}  // namespace quern::master
