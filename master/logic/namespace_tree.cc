#include "master/logic/namespace_tree.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/shell_words.h"
#include "master/logic/path_lookup.h"

namespace quern::master {
namespace {

// Paths with a '/' at the end, so that what lies below one begins with it.
struct PathsOfMove {
  std::string source;
  std::string target;
};

bool IsBelow(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory);
}

// From the tree that a later move replaces into the one that it moves: that one is decided on the
// same paths, whether this is made or not.
bool IsCarriedOver(const PathsOfMove& move, const PathsOfMove& later) {
  return IsBelow(move.source, later.target) && IsBelow(move.target, later.source);
}

absl::Status CheckApart(const std::vector<PathsOfMove>& moves) {
  struct End {
    std::string_view path;
    size_t move = 0;
  };
  std::vector<End> ends;
  for (size_t i = 0; i < moves.size(); ++i) {
    ends.push_back({moves[i].source, i});
    ends.push_back({moves[i].target, i});
  }
  // Whatever lies below a path comes behind it, before everything else.
  std::sort(ends.begin(), ends.end(), [](const End& a, const End& b) { return a.path < b.path; });
  std::vector<End> above;
  for (const End& end : ends) {
    while (!above.empty() && !end.path.starts_with(above.back().path)) above.pop_back();
    for (const End& outer : above) {
      if (end.move < outer.move && IsCarriedOver(moves[end.move], moves[outer.move])) continue;
      return InvalidArgumentError("{}: lies at or below {}: one change cannot move both", end.path,
                                  outer.path);
    }
    above.push_back(end);
  }
  return absl::OkStatus();
}

// So that each move can be decided as if it were the only one.
absl::Status CheckIndependent(const pb::RenameAllRequest& request) {
  std::vector<PathsOfMove> moves;
  for (const pb::RenameAllRequest::Move& move : request.moves()) {
    ASSIGN_OR_RETURN(const Path source, Path::Parse(move.source()));
    ASSIGN_OR_RETURN(const Path target, Path::Parse(move.target()));
    moves.push_back({source.ToString() + "/", target.ToString() + "/"});
  }
  return CheckApart(moves);
}

}  // namespace

absl::Status CheckOwner(std::string_view path, std::string_view owner, std::string_view group) {
  const size_t bytes = std::max(owner.size(), group.size());
  if (bytes <= kMaxOwnerBytes) return absl::OkStatus();
  return InvalidArgumentError("{}: the name of an owner or a group has {} bytes, at most {} can be",
                              path, bytes, kMaxOwnerBytes);
}

void AppendMissingDirectories(const PathLookup& lookup, size_t count,
                              const pb::RequestHeader& header, uint32_t mode, uint64_t* next_inode,
                              google::protobuf::RepeatedPtrField<pb::NewDirectory>* directories) {
  InodeId parent = lookup.directory;
  for (size_t i = lookup.found; i < count; ++i) {
    pb::NewDirectory* directory = directories->Add();
    directory->set_inode_id((*next_inode)++);
    directory->set_parent_id(parent.value());
    directory->set_name(lookup.path.parts()[i]);
    directory->set_owner(header.user());
    directory->set_group(header.group());
    directory->set_mode(mode);
    parent = InodeId(directory->inode_id());
  }
}

absl::StatusOr<Outcome<pb::MkdirsResponse>> NamespaceTree::Mkdirs(
    const pb::MkdirsRequest& request) const {
  ASSIGN_OR_RETURN(const PathLookup lookup, LookUp(view_, request.path()));
  Outcome<pb::MkdirsResponse> outcome;
  if (lookup.entry.has_value()) {
    if (!lookup.is_directory()) {
      return AlreadyExistsError("{}: a file of that name exists", request.path());
    }
    if (!request.parents()) return AlreadyExistsError("{}: exists already", request.path());
    outcome.response.set_inode_id(lookup.inode().value());
    return outcome;
  }
  if (!request.parents() && !lookup.parent_exists()) return MissingParent(lookup);
  RETURN_IF_ERROR(CheckOwner(request.path(), request.header().user(), request.header().group()));
  outcome.record.emplace();
  auto* directories = outcome.record->mutable_make_directories()->mutable_directories();
  uint64_t next_inode = view_.Meta().next_inode();
  const uint32_t mode = request.has_mode() ? request.mode() & kModeBits : kDefaultDirectoryMode;
  AppendMissingDirectories(lookup, lookup.path.parts().size(), request.header(), mode, &next_inode,
                           directories);
  outcome.response.set_inode_id(directories->rbegin()->inode_id());
  return outcome;
}

bool NamespaceTree::IsInside(InodeId directory, InodeId ancestor) const {
  while (directory != ancestor) {
    if (directory == kRootInode) return false;
    const std::optional<pb::InodeRow> row = view_.Inode(directory);
    if (!row.has_value()) return false;
    directory = InodeId(row->parent_id());
  }
  return true;
}

absl::Status NamespaceTree::CheckTarget(const Move& move, bool source_is_directory,
                                        const PathLookup& target) {
  if (move.replace == pb::RenameRequest::REPLACE_NOTHING) {
    return AlreadyExistsError("{}: exists already", move.target);
  }
  if (move.replace == pb::RenameRequest::REPLACE_TREE) return absl::OkStatus();
  if (target.is_directory()) return FailedPreconditionError("{}: is a directory", move.target);
  if (source_is_directory) {
    return FailedPreconditionError("{}: a directory cannot replace the file {}", move.source,
                                   move.target);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<pb::RenameEntry>> NamespaceTree::PlanMove(const Move& move) const {
  ASSIGN_OR_RETURN(const PathLookup source, LookUpExisting(view_, move.source));
  ASSIGN_OR_RETURN(const PathLookup target, LookUp(view_, move.target));
  if (source.path.is_root()) return InvalidArgumentError("/: the root cannot be moved");
  if (!target.parent_exists()) return MissingParent(target);
  if (target.entry.has_value() && target.inode() == source.inode()) return std::nullopt;
  if (source.is_directory() && IsInside(target.directory, source.inode())) {
    return InvalidArgumentError("{}: cannot be moved into itself ({})", move.source, move.target);
  }
  if (target.entry.has_value()) {
    if (IsInside(source.directory, target.inode())) {
      return InvalidArgumentError("{}: cannot replace {}, which contains it", move.source,
                                  move.target);
    }
    RETURN_IF_ERROR(CheckTarget(move, source.is_directory(), target));
  }
  pb::RenameEntry entry;
  entry.set_inode_id(source.inode().value());
  entry.set_target_parent(target.directory.value());
  entry.set_target_name(std::string(target.path.name()));
  if (target.entry.has_value()) entry.set_replaced_inode(target.inode().value());
  return entry;
}

absl::StatusOr<Outcome<pb::RenameResponse>> NamespaceTree::Rename(
    const pb::RenameRequest& request) const {
  ASSIGN_OR_RETURN(const std::optional<pb::RenameEntry> entry,
                   PlanMove({request.source(), request.target(), request.replace()}));
  Outcome<pb::RenameResponse> outcome;
  if (entry.has_value()) *outcome.record.emplace().mutable_rename_entry() = *entry;
  return outcome;
}

absl::StatusOr<Outcome<pb::RenameAllResponse>> NamespaceTree::RenameAll(
    const pb::RenameAllRequest& request) const {
  if (request.moves().empty() || request.moves_size() > kMaxMoves) {
    return InvalidArgumentError("{} moves at once: 1 to {} are possible", request.moves_size(),
                                kMaxMoves);
  }
  RETURN_IF_ERROR(CheckIndependent(request));
  Outcome<pb::RenameAllResponse> outcome;
  for (const pb::RenameAllRequest::Move& move : request.moves()) {
    ASSIGN_OR_RETURN(std::optional<pb::RenameEntry> entry,
                     PlanMove({move.source(), move.target(), request.replace()}));
    if (!entry.has_value()) continue;  // never so: CheckIndependent refuses equal paths
    if (!outcome.record.has_value()) outcome.record.emplace();
    *outcome.record->mutable_rename_entries()->add_entries() = *std::move(entry);
  }
  return outcome;
}

absl::StatusOr<Outcome<pb::DeleteResponse>> NamespaceTree::Delete(
    const pb::DeleteRequest& request) const {
  ASSIGN_OR_RETURN(const PathLookup lookup, LookUp(view_, request.path()));
  if (lookup.path.is_root()) return InvalidArgumentError("/: the root cannot be deleted");
  Outcome<pb::DeleteResponse> outcome;
  if (!lookup.entry.has_value()) return outcome;
  if (lookup.is_directory() && !request.recursive()) {
    const std::optional<pb::InodeRow> row = view_.Inode(lookup.inode());
    if (row.has_value() && row->child_count() > 0) {
      return FailedPreconditionError("{}: is a directory that is not empty. Try: dfs rm -r {}",
                                     request.path(), ShellQuotedLine(request.path()));
    }
  }
  outcome.record.emplace();
  outcome.record->mutable_remove_entry()->set_inode_id(lookup.inode().value());
  outcome.response.set_deleted(true);
  return outcome;
}

absl::StatusOr<Outcome<pb::SetReplicationResponse>> NamespaceTree::SetReplication(
    const pb::SetReplicationRequest& request) const {
  if (request.replication() == 0 || request.replication() > kMaxReplication) {
    return InvalidArgumentError("{}: replication must be 1 to {}, not {}", request.path(),
                                kMaxReplication, request.replication());
  }
  ASSIGN_OR_RETURN(const PathLookup lookup, LookUpExisting(view_, request.path()));
  if (lookup.is_directory()) {
    return FailedPreconditionError("{}: is a directory. Try: dfs setrep -R", request.path());
  }
  Outcome<pb::SetReplicationResponse> outcome;
  pb::FileStatus* status = outcome.response.mutable_status();
  ASSIGN_OR_RETURN(*status, StatusOf(lookup.path.ToString(), lookup.inode()));
  if (status->replication() == request.replication()) return outcome;
  status->set_replication(request.replication());
  outcome.record.emplace();
  pb::SetReplicationOf* change = outcome.record->mutable_set_replication();
  change->set_inode_id(lookup.inode().value());
  change->set_replication(request.replication());
  for (const ChunkId chunk : view_.FileChunks(lookup.inode(), 0, status->chunk_count())) {
    change->add_chunk_ids(chunk.value());
  }
  return outcome;
}

absl::StatusOr<Outcome<pb::SetAttributesResponse>> NamespaceTree::SetAttributes(
    const pb::SetAttributesRequest& request) const {
  RETURN_IF_ERROR(CheckOwner(request.path(), request.owner(), request.group()));
  ASSIGN_OR_RETURN(const PathLookup lookup, LookUpExisting(view_, request.path()));
  Outcome<pb::SetAttributesResponse> outcome;
  pb::FileStatus* status = outcome.response.mutable_status();
  ASSIGN_OR_RETURN(*status, StatusOf(lookup.path.ToString(), lookup.inode()));
  pb::SetAttributesOf change;
  change.set_inode_id(lookup.inode().value());
  if (request.has_mode()) change.set_mode(request.mode() & kModeBits);
  if (request.has_owner()) change.set_owner(request.owner());
  if (request.has_group()) change.set_group(request.group());
  if (request.has_mtime_ms()) change.set_mtime_ms(request.mtime_ms());
  if (change.has_mode()) status->set_mode(change.mode());
  if (change.has_owner()) status->set_owner(change.owner());
  if (change.has_group()) status->set_group(change.group());
  if (change.has_mtime_ms()) status->set_mtime_ms(change.mtime_ms());
  outcome.record.emplace();
  *outcome.record->mutable_set_attributes() = std::move(change);
  return outcome;
}

absl::StatusOr<pb::FileStatus> NamespaceTree::StatusOf(std::string_view path, InodeId inode) const {
  const std::optional<pb::InodeRow> row = view_.Inode(inode);
  if (!row.has_value()) return NotFoundError("{}: no such file or directory", path);
  return ToFileStatus(path, inode, *row);
}

absl::StatusOr<pb::StatResponse> NamespaceTree::Stat(const pb::StatRequest& request) const {
  ASSIGN_OR_RETURN(const PathLookup lookup, LookUpExisting(view_, request.path()));
  pb::StatResponse response;
  ASSIGN_OR_RETURN(*response.mutable_status(), StatusOf(lookup.path.ToString(), lookup.inode()));
  return response;
}

absl::StatusOr<pb::ListResponse> NamespaceTree::List(const pb::ListRequest& request) const {
  ASSIGN_OR_RETURN(const PathLookup lookup, LookUpExisting(view_, request.path()));
  pb::ListResponse response;
  ASSIGN_OR_RETURN(*response.mutable_self(), StatusOf(lookup.path.ToString(), lookup.inode()));
  if (!lookup.is_directory()) return response;
  const uint32_t limit =
      request.limit() == 0 ? kDefaultListLimit : std::min(request.limit(), kMaxListLimit);
  std::vector<DirectoryEntry> entries =
      view_.Entries(lookup.inode(), request.start_after(), size_t{limit} + 1);
  if (entries.size() > limit) {
    entries.pop_back();
    response.set_more(true);
  }
  size_t bytes = 0;
  for (const DirectoryEntry& entry : entries) {
    const std::optional<pb::InodeRow> row = view_.Inode(entry.inode);
    if (!row.has_value()) continue;
    *response.add_entries() = ToFileStatus(entry.name, entry.inode, *row);
    bytes += response.entries().rbegin()->ByteSizeLong();
    if (bytes < kMaxListBytes || &entry == &entries.back()) continue;
    response.set_more(true);
    break;
  }
  return response;
}

}  // namespace quern::master
