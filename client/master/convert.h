// Protobuf messages of the wire <-> the plain values of types.h.
#pragma once

#include "client/options.h"
#include "client/types.h"
#include "quern/dfs/v1/namespace.pb.h"
#include "quern/dfs/v1/types.pb.h"

namespace quern::client {

namespace pb = ::quern::dfs::v1;

FileStatus FromProto(const pb::FileStatus& status);
ServerAddress FromProto(const pb::ServerAddress& server);
ChunkInfo FromProto(const pb::ChunkLocation& chunk);
ClusterStatus FromProto(const pb::GetClusterResponse& cluster);
OpenFile FromProto(const pb::OpenFile& file);
HistoryConflicts FromProto(const pb::AdoptHistoryResponse& response);

pb::Durability ToProto(Durability durability);
pb::RenameRequest::Replace ToProto(RenameMode mode);
pb::ServerAddress ToProto(const ServerAddress& server);

}  // namespace quern::client
