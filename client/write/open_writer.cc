#include "client/write/open_writer.h"

#include <string>
#include <utility>

#include "client/master/convert.h"

namespace quern::client {

pb::CreateRequest ToCreateRequest(std::string_view path, const CreateOptions& options) {
  pb::CreateRequest request;
  request.set_path(std::string(path));
  request.set_replication(options.replication);
  request.set_chunk_size(options.chunk_size);
  request.set_durability(ToProto(options.durability));
  request.set_mode(options.mode);
  request.set_overwrite(options.overwrite || options.replaces.has_value());
  if (options.replaces.has_value()) request.set_replaces(options.replaces->value());
  request.set_create_parents(options.create_parents);
  return request;
}

pb::CreateManyRequest NewCreateMany(const ClientContext& context) {
  pb::CreateManyRequest request;
  request.set_writer_node(context.options.node);
  for (const ServerId server : context.suspects.All()) {
    request.add_exclude_servers(server.value());
  }
  return request;
}

void AddFile(std::string_view path, const CreateOptions& options, uint64_t expected_bytes,
             pb::CreateManyRequest* request) {
  pb::CreateManyRequest::File* file = request->add_files();
  *file->mutable_file() = ToCreateRequest(path, options);
  file->set_expected_bytes(expected_bytes);
}

absl::StatusOr<std::unique_ptr<WriterImpl>> OpenWriter(ClientContext* context,
                                                       std::string_view path,
                                                       const CreateOptions& options,
                                                       const pb::CreateResponse& made) {
  if (made.chunk_size() == 0) {
    return InternalError("{}: the master chose a chunk size of 0", path);
  }
  WriterIdentity identity{
      .path = std::string(path), .inode = InodeId(made.inode_id()), .token = made.writer_token()};
  auto writer =
      std::make_unique<WriterImpl>(context, std::move(identity), made.chunk_size(), options.mtime);
  writer->ExpectTotal(options.expected_bytes);
  return writer;
}

absl::StatusOr<std::unique_ptr<WriterImpl>> OpenWriter(ClientContext* context,
                                                       std::string_view path,
                                                       const CreateOptions& options,
                                                       const pb::CreateManyResponse::Answer& made) {
  if (made.code() != 0) {
    return MakeStatus(static_cast<absl::StatusCode>(made.code()), made.message());
  }
  ASSIGN_OR_RETURN(auto writer, OpenWriter(context, path, options, made.made().file()));
  OpenChunk chunk = ToOpenChunk(made.made().chunk());
  if (chunk.chain.empty()) return InternalError("the master gave chunk {} no server", chunk.id);
  writer->UseFirstChunk(std::move(chunk));
  return writer;
}

}  // namespace quern::client
