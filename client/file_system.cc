#include "client/file_system.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "client/client_context.h"
#include "client/master/convert.h"
#include "client/read/chunk_map.h"
#include "client/read/replica_check.h"
#include "client/write/open_writer.h"
#include "client/write/small_files.h"
#include "common/host_port.h"

namespace quern::client {
namespace {

constexpr uint32_t kListPage = 10'000;

std::string LoginName() {
  const passwd* entry = getpwuid(geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(geteuid());
}

std::string GroupName() {
  const group* entry = getgrgid(getegid());
  return entry != nullptr ? entry->gr_name : std::to_string(getegid());
}

std::string NodeName() {
  const char* node = std::getenv("QUERN_NODE");
  return node != nullptr && *node != '\0' ? node : HostName();
}

ClientOptions Complete(ClientOptions options) {
  if (options.user.empty()) options.user = LoginName();
  if (options.group.empty()) options.group = GroupName();
  if (options.node.empty()) options.node = NodeName();
  return options;
}

std::string Join(std::string_view directory, std::string_view name) {
  return fmt::format("{}/{}", directory == "/" ? "" : directory, name);
}

// The master answers with the path of the inode; callers see the one that they asked for.
FileStatus Named(const pb::FileStatus& status, std::string_view path) {
  FileStatus result = FromProto(status);
  result.path = std::string(path);
  return result;
}

absl::StatusOr<std::vector<ChunkInfo>> AllChunks(ClientContext* context,
                                                 pb::GetChunksRequest request,
                                                 std::string_view name) {
  request.set_reader_node(context->options.node);
  std::vector<ChunkInfo> chunks;
  while (true) {
    request.set_first_ordinal(static_cast<uint32_t>(chunks.size()));
    const auto page = context->master.GetChunks(request);
    if (absl::IsNotFound(page.status())) return NotFoundError("{}: no such file", name);
    RETURN_IF_ERROR(page.status());
    for (const auto& chunk : page->chunks()) chunks.push_back(FromProto(chunk));
    if (!page->more() || page->chunks().empty()) return chunks;
    // The rest of the same file, also when the name is given to another meanwhile.
    request.clear_path();
    request.set_inode_id(page->status().inode_id());
  }
}

}  // namespace

std::unique_ptr<FileSystem> FileSystem::Create(ClientOptions options) {
  return std::unique_ptr<FileSystem>(
      new FileSystem(std::make_unique<ClientContext>(Complete(std::move(options)))));
}

FileSystem::FileSystem(std::unique_ptr<ClientContext> context) : context_(std::move(context)) {}
FileSystem::~FileSystem() = default;

absl::StatusOr<FileStatus> FileSystem::Stat(std::string_view path) {
  pb::StatRequest request;
  request.set_path(std::string(path));
  ASSIGN_OR_RETURN(const pb::StatResponse response, context_->master.Stat(request));
  return Named(response.status(), path);
}

absl::StatusOr<ListPage> FileSystem::ListSome(std::string_view path, std::string_view start_after,
                                              uint32_t limit) {
  pb::ListRequest request;
  request.set_path(std::string(path));
  request.set_start_after(std::string(start_after));
  request.set_limit(limit);
  ASSIGN_OR_RETURN(const pb::ListResponse response, context_->master.List(request));
  ListPage page{.entries = {}, .more = response.more()};
  if (response.self().type() == pb::FILE_TYPE_REGULAR) {
    page.entries.push_back(Named(response.self(), path));
    return page;
  }
  for (const auto& entry : response.entries()) {
    page.entries.push_back(Named(entry, Join(path, entry.path())));
  }
  return page;
}

absl::StatusOr<std::vector<FileStatus>> FileSystem::List(std::string_view path) {
  std::vector<FileStatus> all;
  std::string after;
  while (true) {
    ASSIGN_OR_RETURN(ListPage page, ListSome(path, after, kListPage));
    std::move(page.entries.begin(), page.entries.end(), std::back_inserter(all));
    if (!page.more || page.entries.empty()) return all;
    after = all.back().name();
  }
}

absl::Status FileSystem::Mkdirs(std::string_view path, MkdirsOptions options) {
  if (options.parents) {
    // Where it is there already, which is the usual case, nothing has to be written.
    const absl::StatusOr<FileStatus> there = Stat(path);
    if (there.ok() && there->is_directory()) return absl::OkStatus();
  }
  pb::MkdirsRequest request;
  request.set_path(std::string(path));
  request.set_parents(options.parents);
  request.set_mode(options.mode);
  return context_->master.Mkdirs(std::move(request)).status();
}

absl::Status FileSystem::Rename(std::string_view source, std::string_view target, RenameMode mode) {
  pb::RenameRequest request;
  request.set_source(std::string(source));
  request.set_target(std::string(target));
  request.set_replace(ToProto(mode));
  return context_->master.Rename(std::move(request)).status();
}

absl::Status FileSystem::RenameAll(const Moves& moves, RenameMode mode) {
  pb::RenameAllRequest request;
  for (const auto& [source, target] : moves) {
    pb::RenameAllRequest::Move* const move = request.add_moves();
    move->set_source(source);
    move->set_target(target);
  }
  request.set_replace(ToProto(mode));
  return context_->master.RenameAll(std::move(request)).status();
}

absl::StatusOr<bool> FileSystem::Delete(std::string_view path, DeleteOptions options) {
  pb::DeleteRequest request;
  request.set_path(std::string(path));
  request.set_recursive(options.recursive);
  ASSIGN_OR_RETURN(const pb::DeleteResponse response, context_->master.Delete(std::move(request)));
  return response.deleted();
}

absl::StatusOr<FileStatus> FileSystem::SetReplication(std::string_view path, uint32_t replication) {
  pb::SetReplicationRequest request;
  request.set_path(std::string(path));
  request.set_replication(replication);
  ASSIGN_OR_RETURN(const pb::SetReplicationResponse response,
                   context_->master.SetReplication(std::move(request)));
  return Named(response.status(), path);
}

absl::StatusOr<FileStatus> FileSystem::SetAttributes(std::string_view path,
                                                     const AttributeChange& change) {
  pb::SetAttributesRequest request;
  request.set_path(std::string(path));
  if (change.mode.has_value()) request.set_mode(*change.mode);
  if (change.owner.has_value()) request.set_owner(*change.owner);
  if (change.group.has_value()) request.set_group(*change.group);
  if (change.mtime.has_value()) request.set_mtime_ms(absl::ToUnixMillis(*change.mtime));
  ASSIGN_OR_RETURN(const pb::SetAttributesResponse response,
                   context_->master.SetAttributes(std::move(request)));
  return Named(response.status(), path);
}

absl::StatusOr<ClusterStatus> FileSystem::GetCluster() {
  ASSIGN_OR_RETURN(const pb::GetClusterResponse response, context_->master.GetCluster());
  return FromProto(response);
}

absl::StatusOr<HistoryConflicts> FileSystem::AdoptHistory(bool confirm) {
  pb::AdoptHistoryRequest request;
  request.set_confirm(confirm);
  ASSIGN_OR_RETURN(const pb::AdoptHistoryResponse response, context_->master.AdoptHistory(request));
  return FromProto(response);
}

absl::StatusOr<std::vector<OpenFile>> FileSystem::ListOpenFiles() {
  std::vector<OpenFile> files;
  pb::ListOpenFilesRequest request;
  while (true) {
    ASSIGN_OR_RETURN(const pb::ListOpenFilesResponse page, context_->master.ListOpenFiles(request));
    for (const pb::OpenFile& file : page.files()) files.push_back(FromProto(file));
    if (!page.more() || page.files().empty()) return files;
    request.set_start_after_inode(page.files().rbegin()->inode_id());
  }
}

absl::StatusOr<std::vector<ChunkInfo>> FileSystem::GetChunks(std::string_view path) {
  pb::GetChunksRequest request;
  request.set_path(std::string(path));
  return AllChunks(context_.get(), std::move(request), path);
}

absl::StatusOr<std::vector<ChunkInfo>> FileSystem::GetChunks(InodeId inode) {
  pb::GetChunksRequest request;
  request.set_inode_id(inode.value());
  return AllChunks(context_.get(), std::move(request), inode.ToString());
}

absl::Status FileSystem::CheckReplica(const ChunkInfo& chunk, const ServerAddress& server) {
  return client::CheckReplica(context_.get(), chunk, server);
}

absl::StatusOr<std::unique_ptr<FileWriter>> FileSystem::Create(std::string_view path,
                                                               CreateOptions options) {
  // A small file whose size is known is made together with its chunk; others get one when the first
  // bytes are to be sent.
  if (options.expected_bytes == 0 || options.expected_bytes > kPieceBytes) {
    ASSIGN_OR_RETURN(const pb::CreateResponse made,
                     context_->master.Create(ToCreateRequest(path, options)));
    return OpenWriter(context_.get(), path, options, made);
  }
  pb::CreateManyRequest request = NewCreateMany(*context_);
  AddFile(path, options, options.expected_bytes, &request);
  ASSIGN_OR_RETURN(const pb::CreateManyResponse made,
                   context_->master.CreateMany(std::move(request)));
  return OpenWriter(context_.get(), path, options, made.answers(0));
}

std::vector<absl::StatusOr<FileStatus>> FileSystem::WriteSmall(std::span<const SmallFile> files) {
  return WriteSmallFiles(context_.get(), files);
}

absl::Status FileSystem::CreateEmpty(std::string_view path, CreateOptions options) {
  pb::CreateRequest request = ToCreateRequest(path, options);
  request.set_empty(true);
  return context_->master.Create(std::move(request)).status();
}

absl::StatusOr<std::unique_ptr<FileReader>> FileSystem::Open(std::string_view path) {
  ASSIGN_OR_RETURN(std::shared_ptr<ChunkMap> chunks, ChunkMap::Open(context_.get(), path));
  return std::make_unique<FileReader>(context_.get(), std::move(chunks));
}

}  // namespace quern::client
