// Decides what happens to names: directories, moves, removals and attributes.
//
// Reads a consistent state through a MetadataView and returns the answer with the record that makes
// it true. Every rule that two callers could race over is checked here, on a state that already
// contains the records on their way to the disk. Files being written are FileLifecycle's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/replication.h"
#include "common/status.h"
#include "master/logic/metadata_view.h"
#include "master/logic/outcome.h"
#include "quern/dfs/v1/master_log.pb.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::master {

// Permissions of what is made without saying any, and the bits that a mode may have.
inline constexpr uint32_t kDefaultDirectoryMode = 0755;
inline constexpr uint32_t kModeBits = 07777;

inline constexpr uint32_t kDefaultListLimit = 1000;
inline constexpr uint32_t kMaxListLimit = 10'000;
// A page of a list ends here, whatever the limit: entries are as long as their names.
inline constexpr size_t kMaxListBytes = size_t{4} << 20;
// Of the name of an owner or a group.
inline constexpr size_t kMaxOwnerBytes = 255;
// Of one RenameAll.
inline constexpr int kMaxMoves = 1'000;

class NamespaceTree {
 public:
  // `now_ms` becomes the mtime of what changes: milliseconds since 1970.
  NamespaceTree(const MetadataView& view, int64_t now_ms) : view_(view), now_ms_(now_ms) {}

  // With `parents`, an existing directory is fine; without it AlreadyExists.
  absl::StatusOr<Outcome<pb::MkdirsResponse>> Mkdirs(const pb::MkdirsRequest& request) const;
  // FailedPrecondition: a directory would replace a file or the other way round.
  // InvalidArgument: into itself, or over one of its own parents.
  absl::StatusOr<Outcome<pb::RenameResponse>> Rename(const pb::RenameRequest& request) const;
  // Each as Rename, in their order; InvalidArgument also for none, too many, and moves that touch
  // one another. Only from what a later move replaces something may go into what that moves: so a
  // directory is swapped for another one and keeps some of its entries.
  absl::StatusOr<Outcome<pb::RenameAllResponse>> RenameAll(
      const pb::RenameAllRequest& request) const;
  // Takes the name away at once, whatever lies below it; the space is collected later.
  absl::StatusOr<Outcome<pb::DeleteResponse>> Delete(const pb::DeleteRequest& request) const;
  absl::StatusOr<Outcome<pb::SetReplicationResponse>> SetReplication(
      const pb::SetReplicationRequest& request) const;
  absl::StatusOr<Outcome<pb::SetAttributesResponse>> SetAttributes(
      const pb::SetAttributesRequest& request) const;

  // Reads.
  absl::StatusOr<pb::StatResponse> Stat(const pb::StatRequest& request) const;
  absl::StatusOr<pb::ListResponse> List(const pb::ListRequest& request) const;

 private:
  absl::StatusOr<pb::FileStatus> StatusOf(std::string_view path, InodeId inode) const;
  struct Move {
    std::string_view source;
    std::string_view target;
    pb::RenameRequest::Replace replace = pb::RenameRequest::REPLACE_NOTHING;
  };
  // Nothing when the source is the target.
  absl::StatusOr<std::optional<pb::RenameEntry>> PlanMove(const Move& move) const;
  static absl::Status CheckTarget(const Move& move, bool source_is_directory,
                                  const struct PathLookup& target);
  bool IsInside(InodeId directory, InodeId ancestor) const;

  const MetadataView& view_;
  const int64_t now_ms_;
};

// InvalidArgument: a name is too long.
absl::Status CheckOwner(std::string_view path, std::string_view owner, std::string_view group);

// The directories that are missing on the way to a path, as a record makes them. Inode ids are
// taken from *next_inode. `count` parts of the path shall exist.
void AppendMissingDirectories(const struct PathLookup& lookup, size_t count,
                              const pb::RequestHeader& header, uint32_t mode, uint64_t* next_inode,
                              google::protobuf::RepeatedPtrField<pb::NewDirectory>* directories);

}  // namespace quern::master
