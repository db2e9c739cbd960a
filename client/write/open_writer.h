// From what the master answers to a new file's writer.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "client/client_context.h"
#include "client/options.h"
#include "client/write/writer_impl.h"

namespace quern::client {

pb::CreateRequest ToCreateRequest(std::string_view path, const CreateOptions& options);
// For files to be made together with their first chunks: this writer's machine, and what it has
// seen of servers.
pb::CreateManyRequest NewCreateMany(const ClientContext& context);
void AddFile(std::string_view path, const CreateOptions& options, uint64_t expected_bytes,
             pb::CreateManyRequest* request);

absl::StatusOr<std::unique_ptr<WriterImpl>> OpenWriter(ClientContext* context,
                                                       std::string_view path,
                                                       const CreateOptions& options,
                                                       const pb::CreateResponse& made);
// The same with its first chunk.
absl::StatusOr<std::unique_ptr<WriterImpl>> OpenWriter(ClientContext* context,
                                                       std::string_view path,
                                                       const CreateOptions& options,
                                                       const pb::CreateManyResponse::Answer& made);

}  // namespace quern::client
